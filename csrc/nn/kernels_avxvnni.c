/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The AVX-VNNI kernels, for processors that have this dot product of bytes but no AVX-512: only what
 * differs from the other 256-bit sets. */
#include "nn/kernels.h"

#if defined(CPU_KNOWS_AVXVNNI)

#define KERNEL_TARGET __attribute__((target("avx2,fma,avxvnni")))
#define KERNEL_LEVEL CPU_VNNI
#define KERNEL_TABLE kernels_avxvnni

#include "nn/vec_ymm.h"

INLINE i8 dot4(i8 sums, x4 x, const int8_t *w) {
    return _mm256_dpbusd_avx_epi32(sums, x, load_256(w));
}

#include "nn/kernels_body.h"

#else
typedef int kernels_avxvnni_unused; /* ISO C wants a declaration in every file */
#endif
