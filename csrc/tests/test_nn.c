/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Layers and kernels: every kernel set of this processor against sums in double precision, and
 * activation functions against libm. */
#include "check.h"
#include "load_layer.h"
#include "nn/layers.h"

#include <string.h>

enum { LARGEST = 704 };

static float float_at(const image_builder *image, const char *name, size_t i) {
    uint32_t bits = image_get32(image_find(image, name) + IMAGE_HEADER + 4 * i);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int int_at(const image_builder *image, const char *name, size_t i) {
    return (int32_t)image_get32(image_find(image, name) + IMAGE_HEADER + 4 * i);
}

/* Sum of a row straight from the file image, by the formulas of the format. */
static double expected_row(const image_builder *image, int inputs, int outputs, int kind, int row,
                           const float *x, const uint8_t *codes) {
    double sum = 0;
    size_t block = 0, entry = 0;
    const uint8_t *bytes = kind & LAYER_INT8 ? image_find(image, "layer_weights_int8") : NULL;
    if (!(kind & (LAYER_INT8 | LAYER_SPARSE))) {
        for (int j = 0; j < inputs; j++)
            sum += (double)x[j] * float_at(image, "layer_weights_float",
                                           (size_t)j * (size_t)outputs + (size_t)row);
        return sum + float_at(image, "layer_bias", (size_t)row);
    }
    for (int group = 0; group <= row / 8; group++) {
        int count = kind & LAYER_SPARSE ? int_at(image, "layer_weights_idx", entry++) : inputs / 4;
        for (int b = 0; b < count; b++, block++) {
            int column = kind & LAYER_SPARSE ? int_at(image, "layer_weights_idx", entry++) : 4 * b;
            for (int c = 0; c < 4 && group == row / 8; c++) {
                size_t by_row = 32 * block + (size_t)(4 * (row % 8) + c);
                size_t by_column = 32 * block + (size_t)(8 * c + row % 8);
                if (kind & LAYER_INT8)
                    sum += (int8_t)bytes[IMAGE_HEADER + by_row] * (codes[column + c] - 127.0);
                else
                    sum += (double)float_at(image, "layer_weights_float", by_column) *
                           x[column + c];
            }
        }
    }
    if (kind & LAYER_INT8)
        sum *= float_at(image, "layer_scale", (size_t)row);
    return sum + float_at(image, "layer_bias", (size_t)row);
}

static void check_linear(int inputs, int outputs, int kind) {
    image_builder image = {.seed = (uint32_t)(inputs * 1000 + outputs * 4 + kind)};
    ACTIVATION(x, LARGEST);
    float y[LARGEST];
    image_layer(&image, "layer", inputs, outputs, kind);
    loaded loaded_layer = load_layer(&image, inputs, outputs);
    CHECK((loaded_layer.layer.weights8 != NULL) == (kind >= LAYER_INT8));
    for (int i = 0; i < inputs; i++)
        x.value[i] = image_uniform(&image);
    for (int level = 0; level <= (int)cpu_best_level(); level++) {
        const kernel_table *kernels = kernels_for((cpu_level)level);
        if (inputs % 4 == 0)
            activation_encode(kernels, x, inputs);
        linear_apply(kernels, &loaded_layer.layer, y, x);
        for (int i = 0; i < outputs; i++)
            CHECK_NEAR(y[i],
                       expected_row(&image, inputs, outputs, kind, i, x.value, x.code), 1e-5);
    }
    aligned_give(loaded_layer.memory);
    free(image.bytes);
}

static void check_shapes(void) {
    static const int sizes[][2] = {{4, 8},    {8, 16},   {40, 24},  {64, 40}, {64, 192},
                                   {128, 56}, {164, 96}, {328, 80}, {688, 128}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int kind = 0; kind < 4; kind++)
            check_linear(sizes[i][0], sizes[i][1], kind);
    /* Shapes that only dense float layers may have. */
    check_linear(26, 96, LAYER_DENSE);
    check_linear(57, 20, LAYER_DENSE);
    check_linear(80, 1, LAYER_DENSE);
}

/* Weights that no exporter writes: pairs of products that do not fit 16 bits. */
static void check_wide_pairs(void) {
    image_builder image = {.seed = 1};
    ACTIVATION(x, 64);
    float y[8];
    image_layer(&image, "layer", 64, 8, LAYER_INT8);
    memset(image_find(&image, "layer_weights_int8") + IMAGE_HEADER, 127, 64 * 8);
    loaded loaded_layer = load_layer(&image, 64, 8);
    CHECK(loaded_layer.layer.wide_pairs);
    for (int i = 0; i < 64; i++)
        x.value[i] = 1.0f;
    for (int level = 0; level <= (int)cpu_best_level(); level++) {
        const kernel_table *kernels = kernels_for((cpu_level)level);
        activation_encode(kernels, x, 64);
        linear_apply(kernels, &loaded_layer.layer, y, x);
        for (int i = 0; i < 8; i++)
            CHECK_NEAR(y[i], expected_row(&image, 64, 8, LAYER_INT8, i, x.value, x.code), 1e-4);
    }
    aligned_give(loaded_layer.memory);
    free(image.bytes);
}

static void check_activations(const kernel_table *kernels) {
    enum { N = 256 };
    float x[N], t[N], s[N], g[N], y[N], ones[N];
    uint8_t codes[N];
    for (int i = 0; i < N; i++) {
        x[i] = t[i] = s[i] = ((float)i - 127.5f) / 10.0f;
        ones[i] = 1.0f;
        g[i] = x[i];
    }
    kernels->tanh(t, N);
    kernels->sigmoid(s, N);
    kernels->gate(y, ones, g, N);
    kernels->quantise(codes, x, N);
    for (int i = 0; i < N; i++) {
        CHECK_NEAR(t[i], tanh(x[i]), 7e-5);
        CHECK_NEAR(s[i], 1.0 / (1.0 + exp(-x[i])), 4e-5);
        CHECK_NEAR(y[i], s[i], 1e-6);
        CHECK(codes[i] == 127 + (int)fmax(-127, fmin(127, floor(0.5 + 127.0 * x[i]))));
    }
    for (int code = 0; code <= 254; code++)
        x[code] = (float)(code - 127) / 127.0f;
    kernels->quantise(codes, x, N - 4); /* a length that leaves a remainder */
    for (int code = 0; code < N - 4; code++)
        CHECK(codes[code] == code);

    float odd[8] = {NAN, -NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, 0.0f};
    float odd_tanh[8], odd_sigmoid[8];
    memcpy(odd_tanh, odd, sizeof odd);
    memcpy(odd_sigmoid, odd, sizeof odd);
    kernels->tanh(odd_tanh, 8);
    kernels->sigmoid(odd_sigmoid, 8);
    kernels->quantise(codes, odd, 8);
    for (int i = 0; i < 8; i++) {
        CHECK(fabsf(odd_tanh[i]) <= 1.0f);
        CHECK(odd_sigmoid[i] >= 0.0f && odd_sigmoid[i] <= 1.0f);
        CHECK(codes[i] <= 254);
    }
    CHECK(codes[2] == 254 && codes[3] == 0 && codes[7] == NN_CODE_ZERO);
}

static void check_elementwise(const kernel_table *kernels) {
    enum { N = 40 };
    image_builder random = {.seed = 7};
    float u[3 * N], v[3 * N], state[N], old[N], x[N + 2], y[N];
    static const float w[3] = {0.5f, -1.0f, 0.25f};
    for (int i = 0; i < 3 * N; i++) {
        u[i] = 2 * image_uniform(&random);
        v[i] = 2 * image_uniform(&random);
    }
    for (int i = 0; i < N; i++) {
        state[i] = old[i] = image_uniform(&random);
        y[i] = 1.0f;
    }
    for (int i = 0; i < N + 2; i++)
        x[i] = image_uniform(&random);
    kernels->gru_update(state, u, v, N);
    kernels->fir3(y, x, w, N);
    for (int i = 0; i < N; i++) {
        double z = 1 / (1 + exp(-(double)u[i] - v[i]));
        double r = 1 / (1 + exp(-(double)u[N + i] - v[N + i]));
        double h = tanh(u[2 * N + i] + r * v[2 * N + i]);
        CHECK_NEAR(state[i], z * old[i] + (1 - z) * h, 2e-4);
        CHECK_NEAR(y[i], 1 + 0.5 * x[i] - x[i + 1] + 0.25 * x[i + 2], 1e-6);
    }
}

static void check_conv2d(const kernel_table *kernels) {
    enum { N = 16, ROW = N + 2, IN = 2, OUT = 3 };
    image_builder random = {.seed = 9};
    float weights[OUT][IN][CONV2D_TIME][CONV2D_HEIGHT], bias[OUT] = {0.1f, 0.2f, 0.3f};
    float history[CONV2D_TIME][IN][ROW] = {{{0}}}, out[OUT][N];
    conv2d layer = {IN, OUT, &weights[0][0][0][0], bias};
    for (int i = 0; i < OUT * IN * CONV2D_TIME * CONV2D_HEIGHT; i++)
        (&weights[0][0][0][0])[i] = image_uniform(&random);
    for (int t = 0; t < CONV2D_TIME; t++)
        for (int m = 0; m < IN; m++)
            for (int j = 1; j <= N; j++)
                history[t][m][j] = image_uniform(&random);
    conv2d_step(kernels, &layer, &history[0][0][0], ROW, &out[0][0], N, N);
    for (int o = 0; o < OUT; o++)
        for (int j = 0; j < N; j++) {
            double sum = bias[o];
            for (int m = 0; m < IN; m++)
                for (int t = 0; t < CONV2D_TIME; t++)
                    for (int h = 0; h < CONV2D_HEIGHT; h++)
                        sum += (double)weights[o][m][t][h] * history[t][m][j + h];
            CHECK_NEAR(out[o][j], sum, 1e-5);
        }
}

/* A diagonal stored apart acts as if it were part of the recurrent matrix. */
static void check_diagonal(void) {
    enum { UNITS = 8 };
    float zeros[3 * UNITS] = {0}, diagonal[3 * UNITS], state[UNITS], old[UNITS];
    float no_weights[3 * UNITS * UNITS] = {0};
    gru layer = {.input = {.inputs = UNITS, .outputs = 3 * UNITS, .groups = 3,
                           .weights = no_weights, .bias = zeros}};
    layer.recurrent = layer.input;
    layer.recurrent.diagonal = diagonal;
    ACTIVATION(x, UNITS);
    ACTIVATION(y, UNITS);
    for (int i = 0; i < 3 * UNITS; i++)
        diagonal[i] = 0.1f * (float)(i - 10);
    for (int i = 0; i < UNITS; i++) {
        x.value[i] = 0.0f;
        state[i] = old[i] = 0.1f * (float)i;
    }
    gru_step(kernels_for(CPU_PORTABLE), &layer, state, y, x);
    for (int i = 0; i < UNITS; i++) {
        double z = 1 / (1 + exp(-(double)diagonal[i] * old[i]));
        double r = 1 / (1 + exp(-(double)diagonal[UNITS + i] * old[i]));
        double h = tanh(r * diagonal[2 * UNITS + i] * old[i]);
        CHECK_NEAR(state[i], z * old[i] + (1 - z) * h, 2e-4);
        CHECK(y.value[i] == state[i]);
    }
}

void test_nn(void) {
    check_shapes();
    check_wide_pairs();
    check_diagonal();
    for (int level = 0; level <= (int)cpu_best_level(); level++) {
        const kernel_table *kernels = kernels_for((cpu_level)level);
        CHECK(kernels->level == (cpu_level)level);
        CHECK(cpu_level_parse(cpu_level_name((cpu_level)level)) == level);
        check_activations(kernels);
        check_elementwise(kernels);
        check_conv2d(kernels);
    }
    CHECK(cpu_level_parse("") == -1);
}
