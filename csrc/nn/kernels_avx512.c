/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The AVX-512 VNNI kernels: only what differs from the other 256-bit sets, the dot product of
 * bytes. Registers of 256 bits are enough: the weights come from the second-level cache, which
 * feeds no more than that, and wide ones may lower the clock. */
#include "nn/kernels.h"

#if defined(CPU_X86)

#define KERNEL_TARGET __attribute__((target("avx2,fma,avx512f,avx512bw,avx512vl,avx512vnni")))
#define KERNEL_LEVEL CPU_VNNI
#define KERNEL_TABLE kernels_avx512

#include "nn/vec_ymm.h"

INLINE i8 dot4(i8 sums, x4 x, const int8_t *w) {
    return _mm256_dpbusd_epi32(sums, x, load_256(w));
}

#include "nn/kernels_body.h"

#else
typedef int kernels_avx512_unused; /* ISO C wants a declaration in every file */
#endif
