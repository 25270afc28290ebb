/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernels for any 64-bit ARM: only what differs from the other, the dot product of bytes. */
#include "nn/kernels.h"

#if defined(CPU_ARM)

#define KERNEL_TARGET
#define KERNEL_LEVEL CPU_NEON
#define KERNEL_TABLE kernels_neon

#include "nn/vec_neon.h"

/* A pair of products is at most 2 * 127 * 128, which fits 16 bits. */
INLINE int32x4_t dot4_half(int32x4_t sums, x4 x, const int8_t *w) {
    int8x16_t weights = vld1q_s8(w);
    int16x8_t first = vmull_s8(vget_low_s8(weights), vget_low_s8(x));
    return vpadalq_s16(sums, vpaddq_s16(first, vmull_high_s8(weights, x)));
}

INLINE i8 dot4(i8 sums, x4 x, const int8_t *w) {
    return (i8){dot4_half(sums.low, x, w), dot4_half(sums.high, x, w + 16)};
}

#include "nn/kernels_body.h"

#else
typedef int kernels_neon_unused; /* ISO C wants a declaration in every file */
#endif
