/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Burg's linear prediction and the Burg cepstra of the loss concealment (features.md section 10);
 * knows nothing of the other features. */
#ifndef DSP_BURG_H
#define DSP_BURG_H

#include "dsp/lpc.h"

enum { BURG_MAX_LENGTH = 80, BURG_SIZE = 2 * BANDS };

/* Burg's method with diagonal loading and at most 30 dB prediction gain.
 * @param n  samples, LPC_ORDER < n <= BURG_MAX_LENGTH
 * @param a  error filter 1 + sum a_k z^-k
 * @return energy of the residual                                                               */
float burg_lpc(const float *x, int n, float a[LPC_ORDER]);
/* One step of 160 samples on the 16-bit scale: mean, then difference, of the two halves. */
void burg_cepstra(const float samples[160], float out[BURG_SIZE]);

#endif
