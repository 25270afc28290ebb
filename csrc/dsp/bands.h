/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Band energies, their floored logarithm and its cepstrum (features.md sections 5 and 6); knows
 * nothing of windows, pitch and LPC. */
#ifndef DSP_BANDS_H
#define DSP_BANDS_H

enum { BANDS = 18, BANDS_BINS = 160 };

/* Triangular sums of a power spectrum, 50 Hz per bin; bin 160 is not used. */
void bands_sum(const float power[BANDS_BINS], float energy[BANDS]);
/* Add the absolute floor of 0.01, then limit the fall from band to band and below the maximum. */
void bands_floor(const float energy[BANDS], float floored[BANDS]);
/* Cepstrum of floored energies, the first coefficient less 4. */
void bands_cepstrum(const float floored[BANDS], float cepstrum[BANDS]);
/* Log10 energies of a cepstrum: the way back. */
void bands_logs(const float cepstrum[BANDS], float logs[BANDS]);
/* One value per bin, 0..160, from one per band: linear between the centres of the bands. */
void bands_spread(const float value[BANDS], float bins[BANDS_BINS + 1]);

#endif
