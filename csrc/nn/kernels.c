/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The portable kernels, against which the others are tested, and the choice of a set. */
#include "nn/kernels.h"

#include "nn/rational.h"

#include <string.h>

enum { BLOCK = NN_ROWS * NN_COLS };

/* Comparisons are written so that NaN takes the lower limit, as the x86 instructions do. */
static float limit(float x, float low, float high) {
    x = x > low ? x : low;
    return x < high ? x : high;
}

static float tanh_rational(float x) {
    x = limit(x, -TANH_LIMIT, TANH_LIMIT);
    float x2 = x * x;
    float numerator = (TANH_N2 * x2 + TANH_N1) * x2 + TANH_N0;
    float denominator = (TANH_D2 * x2 + TANH_D1) * x2 + TANH_D0;
    return limit(x * numerator / denominator, -1.0f, 1.0f);
}

static float sigmoid_rational(float x) { return 0.5f + 0.5f * tanh_rational(0.5f * x); }

static void quantise(uint8_t *codes, const float *x, int n) {
    /* 127 + floor(0.5 + 127 x): positive, so that truncation is the floor. */
    for (int i = 0; i < n; i++)
        codes[i] = (uint8_t)(int)limit(127.0f * x[i] + (NN_CODE_ZERO + 0.5f), 0.0f,
                                       2 * NN_CODE_ZERO);
}

/* Plain loops over 32 and more contiguous elements, which every compiler turns into vector code:
 * one sum for each weight of a block, added up by row at the end. */
static void add_block(int32_t *restrict sums, const int8_t *restrict w, const int16_t *restrict x) {
    for (int i = 0; i < BLOCK; i++)
        sums[i] += (int32_t)w[i] * x[i];
}

/* Four codes for every row of a block. */
static void spread(int16_t x[BLOCK], const uint8_t *codes) {
    int16_t four[NN_COLS];
    for (int col = 0; col < NN_COLS; col++)
        four[col] = codes[col];
    for (int row = 0; row < NN_ROWS; row++)
        memcpy(x + row * NN_COLS, four, sizeof four);
}

static void finish_int8(const linear *layer, int group, float *y, const int32_t sums[BLOCK]) {
    for (int row = 0; row < NN_ROWS; row++) {
        int i = group * NN_ROWS + row;
        int32_t total = layer->offsets[i];
        for (int col = 0; col < NN_COLS; col++)
            total += sums[row * NN_COLS + col];
        y[i] = layer->scale[i] * (float)total + layer->bias[i];
    }
}

static void dense_int8_one(const linear *layer, float *y, const uint8_t *codes) {
    const int8_t *w = layer->weights8;
    int tile;
    for (int group = 0; group < layer->groups; group += tile) {
        int32_t sums[NN_TILE][BLOCK] = {{0}};
        tile = linear_tile(layer, group);
        for (int j = 0; j < layer->inputs; j += NN_COLS) {
            int16_t x[BLOCK];
            spread(x, codes + j);
            for (int k = 0; k < tile; k++, w += BLOCK)
                add_block(sums[k], w, x);
        }
        for (int k = 0; k < tile; k++)
            finish_int8(layer, group + k, y, sums[k]);
    }
}

static void sparse_int8_one(const linear *layer, float *y, const uint8_t *codes) {
    const int8_t *w = layer->weights8;
    for (int group = 0; group < layer->groups; group++) {
        int32_t sums[BLOCK] = {0};
        for (int b = layer->starts[group]; b < layer->starts[group + 1]; b++) {
            int16_t x[BLOCK];
            spread(x, codes + layer->columns[b]);
            add_block(sums, w + b * BLOCK, x);
        }
        finish_int8(layer, group, y, sums);
    }
}

static void dense_int8(const linear *layer, float *const *y, const uint8_t *const *codes,
                       int count) {
    for (int k = 0; k < count; k++)
        dense_int8_one(layer, y[k], codes[k]);
}

static void sparse_int8(const linear *layer, float *const *y, const uint8_t *const *codes,
                        int count) {
    for (int k = 0; k < count; k++)
        sparse_int8_one(layer, y[k], codes[k]);
}

static void dense_float(const linear *layer, float *y, const float *x) {
    const float *w = layer->weights;
    int tile;
    for (int group = 0; group < layer->groups; group += tile) {
        tile = linear_tile(layer, group);
        float *sums = y + group * NN_ROWS;
        int rows = tile * NN_ROWS;
        memcpy(sums, layer->bias + group * NN_ROWS, (size_t)rows * sizeof *sums);
        for (int j = 0; j < layer->inputs; j++, w += rows)
            for (int row = 0; row < rows; row++)
                sums[row] += w[row] * x[j];
    }
}

static void sparse_float(const linear *layer, float *y, const float *x) {
    for (int group = 0; group < layer->groups; group++) {
        float products[BLOCK] = {0};
        for (int b = layer->starts[group]; b < layer->starts[group + 1]; b++)
            for (int i = 0; i < BLOCK; i++)
                products[i] += layer->weights[b * BLOCK + i] * x[layer->columns[b] + i / NN_ROWS];
        for (int row = 0; row < NN_ROWS; row++) {
            float total = layer->bias[group * NN_ROWS + row];
            for (int col = 0; col < NN_COLS; col++)
                total += products[col * NN_ROWS + row];
            y[group * NN_ROWS + row] = total;
        }
    }
}

static void tanh_all(float *x, int n) {
    for (int i = 0; i < n; i++)
        x[i] = tanh_rational(x[i]);
}

static void sigmoid_all(float *x, int n) {
    for (int i = 0; i < n; i++)
        x[i] = sigmoid_rational(x[i]);
}

static void gru_update(float *state, const float *u, const float *v, int n) {
    for (int i = 0; i < n; i++) {
        float z = sigmoid_rational(u[i] + v[i]);
        float r = sigmoid_rational(u[n + i] + v[n + i]);
        float h = tanh_rational(u[2 * n + i] + r * v[2 * n + i]);
        state[i] = h + z * (state[i] - h);
    }
}

static void gate(float *y, const float *x, const float *g, int n) {
    for (int i = 0; i < n; i++)
        y[i] = x[i] * sigmoid_rational(g[i]);
}

static void fir3(float *y, const float *x, const float *w, int n) {
    for (int j = 0; j < n; j++)
        y[j] += w[0] * x[j] + w[1] * x[j + 1] + w[2] * x[j + 2];
}

const kernel_table kernels_portable = {
    CPU_PORTABLE, quantise, dense_int8, sparse_int8, dense_float, sparse_float,
    tanh_all,     sigmoid_all, gru_update, gate,    fir3};

const kernel_table *kernels_for(cpu_level level) {
    switch (level) {
#if defined(CPU_X86)
    case CPU_VNNI:
#if defined(CPU_KNOWS_AVXVNNI)
        if (cpu_vnni_is_avx()) return &kernels_avxvnni;
#endif
        return &kernels_avx512;
    case CPU_AVX2: return &kernels_avx2;
    case CPU_SSE41: return &kernels_sse41;
#elif defined(CPU_ARM)
    case CPU_DOTPROD: return &kernels_dotprod;
    case CPU_NEON: return &kernels_neon;
#endif
    default: return &kernels_portable;
    }
}
