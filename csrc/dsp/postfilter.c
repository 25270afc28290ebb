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
enum { SEARCHED = 128 };            /* the period may be off by so much less than the longest one */

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* What is most like a block, about a period before it (side -1) or behind it (side 1). */
static const float *neighbour(const float *block, int samples, int reach, int period, int side) {
    const float *best = block;
    float most = -INFINITY;
    int search = smaller(reach / SEARCHED, samples / 2);
    int shortest = period > search ? period - search : 1, longest = smaller(period + search, reach);
    if (shortest > longest)
        return best;
    /* All candidates have most of their samples in common: from `shared` to `end`. */
    const float *shared = block + (side < 0 ? -shortest : longest);
    const float *end = block + (side < 0 ? -longest : shortest) + samples;
    float energy = vec4_dot(shared, shared, (int)(end - shared));
    for (int lag = shortest; lag <= longest; lag++) {
        const float *other = block + side * lag;
        float own = vec4_dot(other, other, (int)(shared - other)) +
                    vec4_dot(end, end, (int)(other + samples - end));
        float alike = vec4_dot(block, other, samples) / sqrtf(1e-9f + (energy + own));
        if (alike > most) {
            most = alike;
            best = other;
        }
    }
    return best;
}

void postfilter_block(const float *block, int samples, int reach, int period, float voicing,
                      float *out) {
    const float *before = neighbour(block, samples, reach, period, -1);
    const float *behind = neighbour(block, samples, reach, period, 1);
    float strength = STRENGTH * fminf(1, fmaxf(0, voicing)); /* NaN: 0 */
    float own = 1 / (1 + strength), share = 0.5f * strength * own;
    for (int n = 0; n < samples; n++)
        out[n] = own * block[n] + share * (before[n] + behind[n]);
}
