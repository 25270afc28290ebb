/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Voice activity good enough to leave out silence; knows nothing of what is coded. */
#include "codec/activity.h"

#include <math.h>

#include "dsp/analysis.h"

/* Per double step of 20 ms. Speech spans about 30 dB below its own peaks; a quieter sound counts
 * as speech as well where it stands out of a background that is quieter still. */
static const float PEAK_FALL = 0.06f, FLOOR_RISE = 0.04f; /* 3 and 2 dB/s */
static const float RANGE = 30.0f, ABOVE_FLOOR = 15.0f;
static const float SILENCE = 25.0f; /* dB above one 16-bit step: about -65 dBFS */
static const float FULL_SCALE = 32768.0f;
enum { HANG = 2 };

void activity_reset(activity_state *state) {
    state->peak = SILENCE;
    state->floor = 90.0f;
    state->hang = 0;
}

int activity_step(activity_state *state, const float *pcm, int samples) {
    double energy = 0;
    for (int i = 0; i < samples; i++) {
        /* No sample is louder than full scale: a broken one would hide speech for minutes. */
        float sample = fminf(fabsf(analysis_sample(pcm[i])) / FULL_SCALE, 1.0f);
        energy += (double)sample * sample;
    }
    float level = 90.3f + 10.0f * log10f((float)(energy / samples) + 1e-12f);
    state->peak = fmaxf(level, state->peak - PEAK_FALL);
    state->floor = fminf(level, state->floor + FLOOR_RISE);
    int speech = level > SILENCE &&
                 (level > state->peak - RANGE || level > state->floor + ABOVE_FLOOR);
    if (speech) {
        state->hang = HANG;
    } else if (state->hang > 0) {
        state->hang--;
        speech = level > SILENCE;
    }
    return speech;
}
