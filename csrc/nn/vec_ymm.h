/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The primitives of nn/kernels_body.h in one 256-bit register each, but for dot4, in which the x86
 * instruction sets differ; knows no layer. Needs KERNEL_TARGET. */
#include "nn/tensor.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline)) KERNEL_TARGET
#define KERNEL_GROUPS 8
/* Without, gcc computes several dot products at once and spills the sums. */
#define KERNEL_KEEP(sums) __asm__ volatile("" : "+x"(sums))

typedef __m256 f8;
typedef __m256i i8, x4;

INLINE f8 f8_load(const float *p) { return _mm256_loadu_ps(p); }
INLINE void f8_store(float *p, f8 x) { _mm256_storeu_ps(p, x); }
INLINE f8 f8_set(float x) { return _mm256_set1_ps(x); }
INLINE f8 f8_add(f8 a, f8 b) { return _mm256_add_ps(a, b); }
INLINE f8 f8_sub(f8 a, f8 b) { return _mm256_sub_ps(a, b); }
INLINE f8 f8_mul(f8 a, f8 b) { return _mm256_mul_ps(a, b); }
INLINE f8 f8_div(f8 a, f8 b) { return _mm256_div_ps(a, b); }
INLINE f8 f8_fma(f8 a, f8 b, f8 c) { return _mm256_fmadd_ps(a, b, c); }

INLINE f8 f8_limit(f8 x, float low, float high) {
    /* The second operand wins where the first is NaN. */
    return _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(low)), _mm256_set1_ps(high));
}

INLINE i8 f8_truncate(f8 x) { return _mm256_cvttps_epi32(x); }
INLINE f8 i8_to_f8(i8 x) { return _mm256_cvtepi32_ps(x); }
INLINE i8 i8_zero(void) { return _mm256_setzero_si256(); }
INLINE i8 i8_add(i8 a, i8 b) { return _mm256_add_epi32(a, b); }

INLINE i8 load_256(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }

INLINE x4 x4_load(const uint8_t *codes) {
    int32_t four;
    memcpy(&four, codes, sizeof four);
    return _mm256_set1_epi32(four);
}

INLINE i8 row_offsets(const linear *layer, int row) { return load_256(layer->offsets + row); }

INLINE void codes_store32(uint8_t *codes, const i8 values[4]) {
    /* Packing works within 128-bit halves: the permutation restores the order. */
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m256i low = _mm256_packs_epi32(values[0], values[1]);
    __m256i high = _mm256_packs_epi32(values[2], values[3]);
    __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order);
    _mm256_storeu_si256((__m256i *)(void *)codes, bytes);
}
