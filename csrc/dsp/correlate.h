/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Correlation of a frame with all its pasts, the costliest loop of the analysis, once per
 * instruction set; knows nothing of pitch. */
#ifndef DSP_CORRELATE_H
#define DSP_CORRELATE_H

#include "base/cpu.h"

enum { CORRELATE_LAGS = 224, CORRELATE_LENGTH = 160 };

/* out[i] = sum over n of x[n] y[n + i]; y has CORRELATE_LAGS + CORRELATE_LENGTH - 1 samples. */
void correlate(cpu_level level, const float x[CORRELATE_LENGTH], const float *y,
               float out[CORRELATE_LAGS]);

#endif
