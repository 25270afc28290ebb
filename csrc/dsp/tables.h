/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Constants of the feature analysis; the formulas are in make_tables.py, which writes tables.c. */
#ifndef DSP_TABLES_H
#define DSP_TABLES_H

enum { TABLE_COS320 = 400 };

/* cos(2 pi k/320) for a turn and a quarter, so that e^(-j 2 pi k/320) = [k] + j [k + 80]. */
extern const float table_cos320[TABLE_COS320];
/* Rising half of the analysis window; the falling half mirrors it. */
extern const float table_window[160];
/* Orthonormal DCT-II, [log energy][coefficient]. */
extern const float table_dct[18 * 18];
/* Autocorrelation of a spectrum that is interpolated between band energies, [band][lag]. */
extern const float table_lags[18 * 17];

#endif
