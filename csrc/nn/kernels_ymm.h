/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bodies of the 256-bit x86 kernels. A file that includes this defines KERNEL_TARGET (the function
 * attribute), KERNEL_LEVEL, KERNEL_TABLE and dot4 (add four products of unsigned and signed bytes
 * per lane); everything else is the same for all instruction sets. */
#include "nn/kernels.h"
#include "nn/rational.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline)) KERNEL_TARGET

INLINE __m256 limit8(__m256 x, float low, float high) {
    /* The second operand wins where the first is NaN. */
    return _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(low)), _mm256_set1_ps(high));
}

INLINE __m256 tanh8(__m256 x) {
    x = limit8(x, -TANH_LIMIT, TANH_LIMIT);
    __m256 x2 = _mm256_mul_ps(x, x);
    __m256 numerator = _mm256_fmadd_ps(_mm256_set1_ps(TANH_N2), x2, _mm256_set1_ps(TANH_N1));
    __m256 denominator = _mm256_fmadd_ps(_mm256_set1_ps(TANH_D2), x2, _mm256_set1_ps(TANH_D1));
    numerator = _mm256_fmadd_ps(numerator, x2, _mm256_set1_ps(TANH_N0));
    denominator = _mm256_fmadd_ps(denominator, x2, _mm256_set1_ps(TANH_D0));
    return limit8(_mm256_div_ps(_mm256_mul_ps(x, numerator), denominator), -1.0f, 1.0f);
}

INLINE __m256 sigmoid8(__m256 x) {
    const __m256 half = _mm256_set1_ps(0.5f);
    return _mm256_fmadd_ps(half, tanh8(_mm256_mul_ps(half, x)), half);
}

/* Eight codes, each in the low byte of a 32-bit lane. */
INLINE __m256i codes8(__m256 x) {
    __m256 scaled = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(127.0f), x),
                                  _mm256_set1_ps(NN_CODE_ZERO + 0.5f));
    return _mm256_cvttps_epi32(limit8(scaled, 0.0f, 2 * NN_CODE_ZERO));
}

KERNEL_TARGET static void quantise(uint8_t *codes, const float *x, int n) {
    /* Packing works within 128-bit halves: the permutation restores the order. */
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    int i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i a = codes8(_mm256_loadu_ps(x + i)), b = codes8(_mm256_loadu_ps(x + i + 8));
        __m256i c = codes8(_mm256_loadu_ps(x + i + 16)), d = codes8(_mm256_loadu_ps(x + i + 24));
        __m256i bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        _mm256_storeu_si256((__m256i *)(void *)(codes + i),
                            _mm256_permutevar8x32_epi32(bytes, order));
    }
    for (; i < n; i += 4) {
        __m256i a = codes8(_mm256_castps128_ps256(_mm_loadu_ps(x + i)));
        __m128i low = _mm256_castsi256_si128(a);
        int32_t bytes = _mm_cvtsi128_si32(_mm_packus_epi16(_mm_packs_epi32(low, low), low));
        memcpy(codes + i, &bytes, sizeof bytes);
    }
}

INLINE __m256i broadcast4(const uint8_t *codes) {
    int32_t four;
    memcpy(&four, codes, sizeof four);
    return _mm256_set1_epi32(four);
}

INLINE __m256i load_bytes(const int8_t *w) {
    return _mm256_loadu_si256((const __m256i *)(const void *)w);
}

INLINE void finish_int8(const linear *layer, int group, float *y, __m256i sums) {
    int i = group * NN_ROWS;
    __m256i offsets = _mm256_loadu_si256((const __m256i *)(const void *)(layer->offsets + i));
    __m256 total = _mm256_cvtepi32_ps(_mm256_add_epi32(sums, offsets));
    _mm256_storeu_ps(y + i, _mm256_fmadd_ps(_mm256_loadu_ps(layer->scale + i), total,
                                            _mm256_loadu_ps(layer->bias + i)));
}

/* A tile shares the broadcast inputs, reads one stream of weights and hides the latency of the
 * sums. @return where the next tile's weights begin */
INLINE const int8_t *tile_int8(const linear *layer, float *y, const uint8_t *codes, int group,
                               const int8_t *w, const int tile) {
    __m256i sums[8];
    for (int k = 0; k < tile; k++)
        sums[k] = _mm256_setzero_si256();
    for (int j = 0; j < layer->inputs; j += NN_COLS, w += tile * NN_ROWS * NN_COLS) {
        __m256i x = broadcast4(codes + j);
        for (int k = 0; k < tile; k++)
            sums[k] = dot4(sums[k], x, load_bytes(w + k * NN_ROWS * NN_COLS));
    }
    for (int k = 0; k < tile; k++)
        finish_int8(layer, group + k, y, sums[k]);
    return w;
}

KERNEL_TARGET static void dense_int8(const linear *layer, float *y, const uint8_t *codes) {
    const int8_t *w = layer->weights8;
    for (int group = 0, tile; group < layer->groups; group += tile) {
        tile = linear_tile(layer, group);
        switch (tile) { /* constants, so that the sums stay in registers */
        case 8: w = tile_int8(layer, y, codes, group, w, 8); break;
        case 4: w = tile_int8(layer, y, codes, group, w, 4); break;
        case 2: w = tile_int8(layer, y, codes, group, w, 2); break;
        default: w = tile_int8(layer, y, codes, group, w, 1);
        }
    }
}

KERNEL_TARGET static void sparse_int8(const linear *layer, float *y, const uint8_t *codes) {
    const int8_t *w = layer->weights8;
    const uint16_t *column = layer->columns;
    for (int group = 0; group < layer->groups; group++) {
        int blocks = layer->starts[group + 1] - layer->starts[group];
        __m256i sums[4];
        for (int k = 0; k < 4; k++)
            sums[k] = _mm256_setzero_si256();
        for (; blocks >= 4; blocks -= 4, w += 4 * NN_ROWS * NN_COLS, column += 4)
            for (int k = 0; k < 4; k++)
                sums[k] = dot4(sums[k], broadcast4(codes + column[k]),
                               load_bytes(w + k * NN_ROWS * NN_COLS));
        for (; blocks > 0; blocks--, w += NN_ROWS * NN_COLS, column++)
            sums[0] = dot4(sums[0], broadcast4(codes + *column), load_bytes(w));
        finish_int8(layer, group, y,
                    _mm256_add_epi32(_mm256_add_epi32(sums[0], sums[1]),
                                     _mm256_add_epi32(sums[2], sums[3])));
    }
}

INLINE const float *tile_float(const linear *layer, float *y, const float *x, int group,
                               const float *w, const int tile) {
    __m256 sums[8];
    for (int k = 0; k < tile; k++)
        sums[k] = _mm256_loadu_ps(layer->bias + (group + k) * NN_ROWS);
    for (int j = 0; j < layer->inputs; j++, w += tile * NN_ROWS) {
        __m256 input = _mm256_set1_ps(x[j]);
        for (int k = 0; k < tile; k++)
            sums[k] = _mm256_fmadd_ps(_mm256_loadu_ps(w + k * NN_ROWS), input, sums[k]);
    }
    for (int k = 0; k < tile; k++)
        _mm256_storeu_ps(y + (group + k) * NN_ROWS, sums[k]);
    return w;
}

KERNEL_TARGET static void dense_float(const linear *layer, float *y, const float *x) {
    const float *w = layer->weights;
    for (int group = 0, tile; group < layer->groups; group += tile) {
        tile = linear_tile(layer, group);
        switch (tile) {
        case 8: w = tile_float(layer, y, x, group, w, 8); break;
        case 4: w = tile_float(layer, y, x, group, w, 4); break;
        case 2: w = tile_float(layer, y, x, group, w, 2); break;
        default: w = tile_float(layer, y, x, group, w, 1);
        }
    }
}

KERNEL_TARGET static void sparse_float(const linear *layer, float *y, const float *x) {
    const float *w = layer->weights;
    const uint16_t *column = layer->columns;
    for (int group = 0; group < layer->groups; group++) {
        int blocks = layer->starts[group + 1] - layer->starts[group];
        __m256 sums[NN_COLS];
        for (int k = 0; k < NN_COLS; k++)
            sums[k] = _mm256_setzero_ps();
        for (; blocks > 0; blocks--, w += NN_ROWS * NN_COLS, column++)
            for (int k = 0; k < NN_COLS; k++)
                sums[k] = _mm256_fmadd_ps(_mm256_loadu_ps(w + k * NN_ROWS),
                                          _mm256_set1_ps(x[*column + k]), sums[k]);
        __m256 total = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]),
                                     _mm256_add_ps(sums[2], sums[3]));
        _mm256_storeu_ps(y + group * NN_ROWS,
                         _mm256_add_ps(total, _mm256_loadu_ps(layer->bias + group * NN_ROWS)));
    }
}

KERNEL_TARGET static void tanh_all(float *x, int n) {
    for (int i = 0; i < n; i += 8)
        _mm256_storeu_ps(x + i, tanh8(_mm256_loadu_ps(x + i)));
}

KERNEL_TARGET static void sigmoid_all(float *x, int n) {
    for (int i = 0; i < n; i += 8)
        _mm256_storeu_ps(x + i, sigmoid8(_mm256_loadu_ps(x + i)));
}

KERNEL_TARGET static void gru_update(float *state, const float *u, const float *v, int n) {
    for (int i = 0; i < n; i += 8) {
        const float *ur = u + n + i, *vr = v + n + i;
        __m256 s = _mm256_loadu_ps(state + i);
        __m256 z = sigmoid8(_mm256_add_ps(_mm256_loadu_ps(u + i), _mm256_loadu_ps(v + i)));
        __m256 r = sigmoid8(_mm256_add_ps(_mm256_loadu_ps(ur), _mm256_loadu_ps(vr)));
        __m256 h = tanh8(_mm256_fmadd_ps(r, _mm256_loadu_ps(vr + n), _mm256_loadu_ps(ur + n)));
        _mm256_storeu_ps(state + i, _mm256_fmadd_ps(z, _mm256_sub_ps(s, h), h));
    }
}

KERNEL_TARGET static void gate(float *y, const float *x, const float *g, int n) {
    for (int i = 0; i < n; i += 8)
        _mm256_storeu_ps(y + i,
                         _mm256_mul_ps(_mm256_loadu_ps(x + i), sigmoid8(_mm256_loadu_ps(g + i))));
}

KERNEL_TARGET static void fir3(float *y, const float *x, const float *w, int n) {
    for (int j = 0; j < n; j += 8) {
        __m256 sum = _mm256_loadu_ps(y + j);
        for (int k = 0; k < 3; k++)
            sum = _mm256_fmadd_ps(_mm256_set1_ps(w[k]), _mm256_loadu_ps(x + j + k), sum);
        _mm256_storeu_ps(y + j, sum);
    }
}

const kernel_table KERNEL_TABLE = {KERNEL_LEVEL, quantise,     dense_int8, sparse_int8,
                                   dense_float,  sparse_float, tanh_all,   sigmoid_all,
                                   gru_update,   gate,         fir3};
