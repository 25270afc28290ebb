/* SPDX-License-Identifier: BSD-3-Clause
 *
 * laplace.h - integers with a two-sided geometric distribution and an explicit probability of
 * zero, over the range coder. It knows no tables and no levels. */
#ifndef CODER_LAPLACE_H
#define CODER_LAPLACE_H

#include "coder/range_coder.h"

enum { LAPLACE_LIMIT = 32767 }; /* largest magnitude written or accepted */

/* @param value -LAPLACE_LIMIT..LAPLACE_LIMIT
 * @param p0 probability of zero, 1..255 of 256;  @param decay of the tail, 1..255 of 256 */
void laplace_encode(range_encoder *encoder, int value, unsigned p0, unsigned decay);
/* @return 0, or -1 where the magnitude exceeds the limit (value is then 0): a stream that no
 *         encoder writes, and the bound on the work that hostile bytes can cause. */
int laplace_decode(range_decoder *decoder, unsigned p0, unsigned decay, int *value);

#endif
