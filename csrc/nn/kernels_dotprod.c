/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The kernels for 64-bit ARM with the dot product instructions of ARMv8.2. */
#include "nn/kernels.h"

#if defined(CPU_ARM)

#ifdef __clang__
#define KERNEL_TARGET __attribute__((target("dotprod")))
#else
#define KERNEL_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define KERNEL_LEVEL CPU_DOTPROD
#define KERNEL_TABLE kernels_dotprod

#include "nn/vec_neon.h"

INLINE i8 dot4(i8 sums, x4 x, const int8_t *w) {
    return (i8){vdotq_s32(sums.low, vld1q_s8(w), x), vdotq_s32(sums.high, vld1q_s8(w + 16), x)};
}

#include "nn/kernels_body.h"

#else
typedef int kernels_dotprod_unused; /* ISO C wants a declaration in every file */
#endif
