/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the pitch network sees, and the voicing feature (features.md section 8); knows nothing of
 * the network. */
#ifndef DSP_PITCH_FEATURES_H
#define DSP_PITCH_FEATURES_H

#include "base/cpu.h"

enum {
    PITCH_IF_BINS = 30,
    PITCH_IF_SIZE = 3 * PITCH_IF_BINS - 2,
    PITCH_MAX_PERIOD = 256,
    PITCH_MIN_PERIOD = 32,
    PITCH_XCORR_SIZE = PITCH_MAX_PERIOD - PITCH_MIN_PERIOD,
    PITCH_FRAME = 160,
    PITCH_BUFFER = PITCH_MAX_PERIOD + PITCH_FRAME
};

/* Instantaneous frequency: phase advance of each bin since the last step, and its level. */
void pitch_if_features(const float re[PITCH_IF_BINS], const float im[PITCH_IF_BINS],
                       const float last_re[PITCH_IF_BINS], const float last_im[PITCH_IF_BINS],
                       float out[PITCH_IF_SIZE]);
/* Normalised correlation of the last 160 samples with those T before, T = 256 down to 33. */
void pitch_xcorr_features(cpu_level level, const float buffer[PITCH_BUFFER],
                          float out[PITCH_XCORR_SIZE]);
/* Period in samples, 32..256, of feature 18. */
int pitch_period(float pitch);
/* Feature 19 from the low-passed residual at a period. */
float pitch_voicing(const float buffer[PITCH_BUFFER], int period);

#endif
