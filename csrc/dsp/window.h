/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The window of the feature analysis: power complementary, so that blocks which overlap by half and
 * are windowed twice add up to what they were. */
#ifndef DSP_WINDOW_H
#define DSP_WINDOW_H

#include "dsp/fft.h"
#include "dsp/tables.h"

static inline void window_apply(const float in[FFT_SIZE], float out[FFT_SIZE]) {
    for (int i = 0; i < FFT_SIZE / 2; i++) out[i] = table_window[i] * in[i];
    for (int i = 0; i < FFT_SIZE / 2; i++)
        out[FFT_SIZE / 2 + i] = table_window[FFT_SIZE / 2 - 1 - i] * in[FFT_SIZE / 2 + i];
}

#endif
