/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Linear prediction from band energies (features.md section 7) and its residual; knows nothing of
 * pitch. Convention: A(z) = 1 + sum a_k z^-k, stored as a[k - 1]. */
#ifndef DSP_LPC_H
#define DSP_LPC_H

#include "dsp/bands.h"

enum { LPC_ORDER = 16 };

/* Levinson-Durbin; stops at 30 dB prediction gain, the rest stays 0. */
void lpc_levinson(const double r[LPC_ORDER + 1], float a[LPC_ORDER]);
/* From energies as bands_floor gives them. */
void lpc_from_bands(const float floored[BANDS], float a[LPC_ORDER]);
/* out[i] = x[i] + sum a_k x[i - k]; x has LPC_ORDER samples before it. n is a multiple of 16. */
void lpc_residual(const float *x, const float a[LPC_ORDER], float *out, int n);

#endif
