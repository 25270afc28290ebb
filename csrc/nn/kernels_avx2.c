/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The AVX2 kernels: only what differs from the other 256-bit sets, the dot product of bytes. */
#include "nn/kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define KERNEL_TARGET __attribute__((target("avx2,fma")))
#define KERNEL_LEVEL CPU_AVX2
#define KERNEL_TABLE kernels_avx2

/* Exact as long as pairs of products fit 16 bits, see `wide_pairs` in nn/tensor.h. */
static inline __attribute__((always_inline)) KERNEL_TARGET __m256i dot4(__m256i sums, __m256i u,
                                                                        __m256i s) {
    __m256i pairs = _mm256_maddubs_epi16(u, s);
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#include "nn/kernels_ymm.h"

#else
typedef int kernels_avx2_unused; /* ISO C wants a declaration in every file */
#endif
