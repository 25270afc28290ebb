/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The SSE4.1 kernels: the primitives of nn/kernels_body.h in two 128-bit registers each. */
#include "nn/kernels.h"

#if defined(CPU_X86)

#include <smmintrin.h>
#include <string.h>

#define KERNEL_TARGET __attribute__((target("sse4.1")))
#define KERNEL_LEVEL CPU_SSE41
#define KERNEL_TABLE kernels_sse41
#define KERNEL_GROUPS 4
#define KERNEL_KEEP(sums) (void)0
#define INLINE static inline __attribute__((always_inline)) KERNEL_TARGET

typedef struct f8 {
    __m128 low, high;
} f8;
typedef struct i8 {
    __m128i low, high;
} i8;
typedef __m128i x4;

INLINE f8 f8_load(const float *p) { return (f8){_mm_loadu_ps(p), _mm_loadu_ps(p + 4)}; }
INLINE f8 f8_set(float x) { return (f8){_mm_set1_ps(x), _mm_set1_ps(x)}; }

INLINE void f8_store(float *p, f8 x) {
    _mm_storeu_ps(p, x.low);
    _mm_storeu_ps(p + 4, x.high);
}

#define LANEWISE(name, type, function) \
    INLINE type name(type a, type b) { \
        return (type){function(a.low, b.low), function(a.high, b.high)}; \
    }
LANEWISE(f8_add, f8, _mm_add_ps)
LANEWISE(f8_sub, f8, _mm_sub_ps)
LANEWISE(f8_mul, f8, _mm_mul_ps)
LANEWISE(f8_div, f8, _mm_div_ps)
/* The second operand wins where the first is NaN. */
LANEWISE(f8_max, f8, _mm_max_ps)
LANEWISE(f8_min, f8, _mm_min_ps)
LANEWISE(i8_add, i8, _mm_add_epi32)

INLINE f8 f8_fma(f8 a, f8 b, f8 c) { return f8_add(f8_mul(a, b), c); }

INLINE f8 f8_limit(f8 x, float low, float high) {
    return f8_min(f8_max(x, f8_set(low)), f8_set(high));
}

INLINE i8 f8_truncate(f8 x) { return (i8){_mm_cvttps_epi32(x.low), _mm_cvttps_epi32(x.high)}; }
INLINE f8 i8_to_f8(i8 x) { return (f8){_mm_cvtepi32_ps(x.low), _mm_cvtepi32_ps(x.high)}; }
INLINE i8 i8_zero(void) { return (i8){_mm_setzero_si128(), _mm_setzero_si128()}; }

INLINE __m128i load_128(const void *p) { return _mm_loadu_si128((const __m128i *)p); }

INLINE x4 x4_load(const uint8_t *codes) {
    int32_t four;
    memcpy(&four, codes, sizeof four);
    return _mm_set1_epi32(four);
}

/* Exact as long as pairs of products fit 16 bits, see `wide_pairs` in nn/tensor.h. */
INLINE __m128i dot4_half(__m128i sums, x4 x, const int8_t *w) {
    __m128i pairs = _mm_maddubs_epi16(x, load_128(w));
    return _mm_add_epi32(sums, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
}

INLINE i8 dot4(i8 sums, x4 x, const int8_t *w) {
    return (i8){dot4_half(sums.low, x, w), dot4_half(sums.high, x, w + 16)};
}

INLINE i8 row_offsets(const linear *layer, int row) {
    return (i8){load_128(layer->offsets + row), load_128(layer->offsets + row + 4)};
}

INLINE void codes_store32(uint8_t *codes, const i8 values[4]) {
    for (int k = 0; k < 4; k += 2) {
        __m128i first = _mm_packs_epi32(values[k].low, values[k].high);
        __m128i second = _mm_packs_epi32(values[k + 1].low, values[k + 1].high);
        _mm_storeu_si128((__m128i *)(void *)(codes + 8 * k), _mm_packus_epi16(first, second));
    }
}

#include "nn/kernels_body.h"

#else
typedef int kernels_sse41_unused; /* ISO C wants a declaration in every file */
#endif
