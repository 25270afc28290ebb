/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The AVX2 kernels: only what differs from the other 256-bit sets, the dot product of bytes. */
#include "nn/kernels.h"

#if defined(CPU_X86)

#define KERNEL_TARGET __attribute__((target("avx2,fma")))
#define KERNEL_LEVEL CPU_AVX2
#define KERNEL_TABLE kernels_avx2

#include "nn/vec_ymm.h"

/* Exact as long as pairs of products fit 16 bits, see `wide_pairs` in nn/tensor.h. */
INLINE i8 dot4(i8 sums, x4 x, const int8_t *w) {
    __m256i pairs = _mm256_maddubs_epi16(x, load_256(w));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#include "nn/kernels_body.h"

#else
typedef int kernels_avx2_unused; /* ISO C wants a declaration in every file */
#endif
