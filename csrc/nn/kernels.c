/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The portable kernels, against which the others are tested, and the choice of a set. */
#include "nn/kernels.h"

#include "nn/rational.h"

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

static void add_block(int32_t *sums, const int8_t *w, const uint8_t *codes) {
    for (int row = 0; row < NN_ROWS; row++)
        for (int col = 0; col < NN_COLS; col++)
            sums[row] += w[row * NN_COLS + col] * codes[col];
}

static void finish_int8(const linear *layer, int group, float *y, const int32_t *sums) {
    for (int row = 0; row < NN_ROWS; row++) {
        int i = group * NN_ROWS + row;
        y[i] = layer->scale[i] * (float)(layer->offsets[i] + sums[row]) + layer->bias[i];
    }
}

static void dense_int8(const linear *layer, float *y, const uint8_t *codes) {
    const int8_t *w = layer->weights8;
    int tile;
    for (int group = 0; group < layer->groups; group += tile) {
        tile = linear_tile(layer, group);
        /* Group by group: sums of a whole tile would not stay in registers. */
        for (int k = 0; k < tile; k++) {
            const int8_t *block = w + k * NN_ROWS * NN_COLS;
            int32_t sums[NN_ROWS] = {0};
            for (int j = 0; j < layer->inputs; j += NN_COLS, block += tile * NN_ROWS * NN_COLS)
                add_block(sums, block, codes + j);
            finish_int8(layer, group + k, y, sums);
        }
        w += tile * layer->inputs * NN_ROWS;
    }
}

static void sparse_int8(const linear *layer, float *y, const uint8_t *codes) {
    const int8_t *w = layer->weights8;
    for (int group = 0; group < layer->groups; group++) {
        int32_t sums[NN_ROWS] = {0};
        for (int b = layer->starts[group]; b < layer->starts[group + 1]; b++)
            add_block(sums, w + b * NN_ROWS * NN_COLS, codes + layer->columns[b]);
        finish_int8(layer, group, y, sums);
    }
}

static void add_column(float *sums, const float *w, float x) {
    for (int row = 0; row < NN_ROWS; row++)
        sums[row] += w[row] * x;
}

static void finish_float(const linear *layer, int group, float *y, const float *sums) {
    for (int row = 0; row < NN_ROWS; row++)
        y[group * NN_ROWS + row] = sums[row] + layer->bias[group * NN_ROWS + row];
}

static void dense_float(const linear *layer, float *y, const float *x) {
    const float *w = layer->weights;
    int tile;
    for (int group = 0; group < layer->groups; group += tile) {
        tile = linear_tile(layer, group);
        for (int k = 0; k < tile; k++) {
            const float *column = w + k * NN_ROWS;
            float sums[NN_ROWS] = {0};
            for (int j = 0; j < layer->inputs; j++, column += tile * NN_ROWS)
                add_column(sums, column, x[j]);
            finish_float(layer, group + k, y, sums);
        }
        w += tile * layer->inputs * NN_ROWS;
    }
}

static void sparse_float(const linear *layer, float *y, const float *x) {
    for (int group = 0; group < layer->groups; group++) {
        float sums[NN_ROWS] = {0};
        for (int b = layer->starts[group]; b < layer->starts[group + 1]; b++)
            for (int col = 0; col < NN_COLS; col++)
                add_column(sums, layer->weights + (b * NN_COLS + col) * NN_ROWS,
                           x[layer->columns[b] + col]);
        finish_float(layer, group, y, sums);
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
#if defined(__x86_64__) && defined(__GNUC__)
    case CPU_AVX512VNNI: return &kernels_avx512;
    case CPU_AVX2: return &kernels_avx2;
#endif
    default: return &kernels_portable;
    }
}
