/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Every kernel set of this processor against the portable one, over random shapes and densities;
 * that the portable one is right is shown elsewhere. */
#include "check.h"
#include "load_layer.h"
#include "nn/layers.h"

#include <string.h>

enum { LARGEST = 704, DRAWS = 40, MANY = 3 };

/* Integer sums are the same everywhere; what is left is the rounding of floats. */
static const double tolerance = 2e-6;

static int draw(image_builder *random, int limit) {
    return 1 + (int)(image_random(random) % (uint32_t)limit);
}

/* Several inputs at once give each what it gives alone. */
static void check_many(cpu_level level, const linear *layer, activation x, const float *alone) {
    static float zeros[LARGEST], y[MANY][LARGEST], empty[LARGEST];
    static uint8_t zero_codes[LARGEST];
    const activation none = {zeros, zero_codes}, inputs[MANY] = {x, none, x};
    float *const outputs[MANY] = {y[0], y[1], y[2]};
    activation_encode(kernels_for(CPU_PORTABLE), none, LARGEST);
    linear_apply(kernels_for(level), layer, empty, none);
    linear_apply_many(kernels_for(level), layer, outputs, inputs, MANY);
    size_t size = (size_t)layer->outputs * sizeof *alone;
    CHECK(memcmp(y[0], alone, size) == 0);
    CHECK(memcmp(y[1], empty, size) == 0);
    CHECK(memcmp(y[2], alone, size) == 0);
}

static void check_layer(int inputs, int outputs, int kind, uint32_t one_in) {
    image_builder image = {.seed = (uint32_t)(inputs + 1000 * outputs), .one_in = one_in};
    ACTIVATION(x, LARGEST);
    static float expected[LARGEST], y[LARGEST];
    image_layer(&image, "layer", inputs, outputs, kind);
    loaded loaded_layer = load_layer(&image, inputs, outputs);
    for (int i = 0; i < inputs; i++)
        x.value[i] = image_uniform(&image);
    if (inputs % NN_COLS == 0)
        activation_encode(kernels_for(CPU_PORTABLE), x, inputs);
    linear_apply(kernels_for(CPU_PORTABLE), &loaded_layer.layer, expected, x);
    for (int level = 1; level <= (int)cpu_best_level(); level++) {
        memset(y, 0xff, sizeof y); /* NaN: every output has to be written */
        linear_apply(kernels_for((cpu_level)level), &loaded_layer.layer, y, x);
        for (int i = 0; i < outputs; i++)
            CHECK_NEAR(y[i], expected[i], tolerance);
        check_many((cpu_level)level, &loaded_layer.layer, x, y);
    }
    aligned_give(loaded_layer.memory);
    free(image.bytes);
}

static void check_products(void) {
    image_builder random = {.seed = 17};
    for (int i = 0; i < DRAWS; i++) {
        int inputs = NN_COLS * draw(&random, LARGEST / NN_COLS);
        int outputs = NN_ROWS * draw(&random, LARGEST / NN_ROWS);
        check_layer(inputs, outputs, LAYER_INT8, 0);
        check_layer(draw(&random, 99), draw(&random, 99), LAYER_DENSE, 0);
        for (uint32_t one_in = 1; one_in <= 64; one_in *= 4) { /* the last: empty rows */
            check_layer(inputs, outputs, LAYER_INT8 | LAYER_SPARSE, one_in);
            check_layer(inputs, outputs, LAYER_SPARSE, one_in);
        }
    }
}

static void fill(image_builder *random, float *x, int n, float spread) {
    for (int i = 0; i < n; i++)
        x[i] = spread * image_uniform(random);
}

/* The elementwise kernels, on n values. */
static void check_elementwise(const kernel_table *kernels, image_builder *random, int n) {
    const kernel_table *portable = kernels_for(CPU_PORTABLE);
    static float u[3 * LARGEST], v[3 * LARGEST], a[LARGEST + 2], b[LARGEST + 2];
    static uint8_t codes_a[LARGEST], codes_b[LARGEST];
    fill(random, u, 3 * n, 3.0f);
    fill(random, v, 3 * n, 3.0f);

    kernels->quantise(codes_a, u, n - n % 8 + 4);
    portable->quantise(codes_b, u, n - n % 8 + 4);
    CHECK(memcmp(codes_a, codes_b, (size_t)(n - n % 8 + 4)) == 0);

#define AGREE(call_a, call_b)                     \
    do {                                          \
        memcpy(a, u, sizeof a);                   \
        memcpy(b, u, sizeof b);                   \
        call_a;                                   \
        call_b;                                   \
        for (int i = 0; i < n; i++)               \
            CHECK_NEAR(a[i], b[i], tolerance);    \
    } while (0)
    AGREE(kernels->tanh(a, n), portable->tanh(b, n));
    AGREE(kernels->sigmoid(a, n), portable->sigmoid(b, n));
    AGREE(kernels->gru_update(a, u, v, n), portable->gru_update(b, u, v, n));
    AGREE(kernels->gate(a, u, v, n), portable->gate(b, u, v, n));
    AGREE(kernels->gate(a, a, v, n), portable->gate(b, b, v, n));
    AGREE(kernels->fir3(a, v, u, n), portable->fir3(b, v, u, n));
#undef AGREE
}

void test_kernels(void) {
    check_products();
    for (int level = 1; level <= (int)cpu_best_level(); level++) {
        image_builder random = {.seed = 23};
        for (int i = 0; i < DRAWS; i++)
            check_elementwise(kernels_for((cpu_level)level), &random,
                              NN_ROWS * draw(&random, LARGEST / NN_ROWS - 1));
    }
}
