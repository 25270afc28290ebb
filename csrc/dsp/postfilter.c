/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pitch post-filter that looks both ways in time. What repeats with the pitch is kept, what does
 * not is lowered, by up to 7 dB between the harmonics. */
#include "dsp/postfilter.h"

#include <math.h>

#include "dsp/vec4.h"

/* Chosen by PESQ of the vocoder alone: .2 and .8 are worse. PLCMOS would like more, but likes it in
 * natural speech as well, where it can only do harm. */
static const float STRENGTH = 0.4f; /* of both neighbours together, of what is fully voiced */
enum { SEARCH = 2 };                /* samples by which the period may be off */

/* What is most like a block, about a period before it (side -1) or behind it (side 1). */
static const float *neighbour(const float *block, int period, int side) {
    const float *best = block;
    float most = -INFINITY;
    for (int lag = period - SEARCH; lag <= period + SEARCH; lag++) {
        if (lag < 1 || lag > POSTFILTER_REACH)
            continue;
        const float *other = block + side * lag;
        float inner = vec4_dot(block, other, POSTFILTER_BLOCK);
        float energy = vec4_dot(other, other, POSTFILTER_BLOCK);
        float alike = inner / sqrtf(1 + energy);
        if (alike > most) {
            most = alike;
            best = other;
        }
    }
    return best;
}

void postfilter_block(const float signal[POSTFILTER_SIGNAL], int period, float voicing,
                      float out[POSTFILTER_BLOCK]) {
    const float *block = signal + POSTFILTER_REACH;
    const float *before = neighbour(block, period, -1), *behind = neighbour(block, period, 1);
    float strength = STRENGTH * fminf(1, fmaxf(0, voicing)); /* NaN: 0 */
    float own = 1 / (1 + strength), share = 0.5f * strength * own;
    for (int n = 0; n < POSTFILTER_BLOCK; n++)
        out[n] = own * block[n] + share * (before[n] + behind[n]);
}
