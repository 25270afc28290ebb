/* SPDX-License-Identifier: BSD-3-Clause
 *
 * laplace.h - integers with a two-sided geometric distribution and an explicit probability of
 * zero, over the range coder. It knows no statistics and no levels. */
#ifndef CODER_LAPLACE_H
#define CODER_LAPLACE_H

#include "coder/range_coder.h"

enum {
    LAPLACE_LIMIT = 32767, /* largest magnitude written or accepted                       */
    LAPLACE_ESCAPE = 7,    /* magnitude symbol "7 and more": another one follows          */
    LAPLACE_TAIL = LAPLACE_ESCAPE + 2
};

/* By decay: inverse cumulative frequencies of the magnitude symbols, behind RANGE_Q15. */
extern const uint16_t laplace_tails[256][LAPLACE_TAIL];

/* Which elements of a vector are coded, and how. */
typedef struct laplace_model {
    uint64_t coded;       /* bit i: element i is                               */
    const uint8_t *p0;    /* probability of zero of each, 1..255 of 256        */
    const uint8_t *decay; /* of the tail of each, 1..255 of 256                */
} laplace_model;

/* @param values -LAPLACE_LIMIT..LAPLACE_LIMIT; those not coded are not looked at */
void laplace_encode(range_encoder *encoder, const laplace_model *model, const int32_t *values);
/* @param values those not coded are left alone
 * @return 0, or -1 where a magnitude exceeds the limit: a stream that no encoder writes, and the
 *         bound on the work that hostile bytes can cause. */
int laplace_decode(range_decoder *decoder, const laplace_model *model, int32_t *values);

#endif
