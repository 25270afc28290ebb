/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An int8 layer of random weights and its product over and over, for benchmarks; knows no network
 * and no clock. */
#include "nn/exercise.h"

#include "base/aligned.h"
#include "nn/kernels.h"

#include <stddef.h>

enum { BLOCK = NN_ROWS * NN_COLS };

/* Arrays of the layer, one after the other in one block of memory. */
typedef struct exercise {
    linear layer;
    int8_t *weights;
    uint16_t *columns;
    int32_t *starts, *offsets;
    float *ones, *y;
    uint8_t *codes;
} exercise;

/* Point the arrays into memory, or with NULL only count. @return bytes */
static size_t place(exercise *e, uint8_t *memory, size_t inputs, size_t outputs) {
    size_t used = 0, blocks = inputs * outputs / BLOCK;
#define TAKE(array, count)                                              \
    (e->array = memory == NULL ? NULL : (void *)(memory + used),        \
     used += aligned_size((count) * sizeof *e->array))
    TAKE(weights, blocks * BLOCK);
    TAKE(columns, blocks);
    TAKE(starts, outputs / NN_ROWS + 1);
    TAKE(offsets, outputs);
    TAKE(ones, outputs);
    TAKE(y, outputs);
    TAKE(codes, inputs);
#undef TAKE
    return used;
}

static uint32_t next_random(uint32_t *seed) { return (*seed = *seed * 1664525u + 1013904223u) >> 8; }

static void fill(exercise *e, int inputs, int outputs, int density) {
    uint32_t seed = 1;
    int32_t blocks = 0;
    e->layer = (linear){.inputs = inputs,
                        .outputs = outputs,
                        .groups = outputs / NN_ROWS,
                        .weights8 = e->weights,
                        .columns = density < 100 ? e->columns : NULL,
                        .starts = e->starts,
                        .offsets = e->offsets,
                        .scale = e->ones,
                        .bias = e->ones};
    for (int group = 0; group < e->layer.groups; group++) {
        e->starts[group] = blocks;
        for (int column = 0; column < inputs; column += NN_COLS)
            if ((int)(next_random(&seed) % 100) < density)
                e->columns[blocks++] = (uint16_t)column;
    }
    e->starts[e->layer.groups] = blocks;
    for (int i = 0; i < blocks * BLOCK; i++)
        e->weights[i] = (int8_t)((int)(next_random(&seed) % 129) - 64);
    for (int i = 0; i < outputs; i++) {
        e->offsets[i] = 0;
        e->ones[i] = 1.0f;
    }
    for (int i = 0; i < inputs; i++)
        e->codes[i] = (uint8_t)(next_random(&seed) % 255);
}

int64_t exercise_product(cpu_level level, int inputs, int outputs, int density, int repeat) {
    const kernel_table *kernels = kernels_for(level);
    exercise e;
    uint8_t *memory = aligned_take(place(&e, NULL, (size_t)inputs, (size_t)outputs));
    if (memory == NULL)
        return -1;
    place(&e, memory, (size_t)inputs, (size_t)outputs);
    fill(&e, inputs, outputs, density);
    int64_t products = (int64_t)e.starts[e.layer.groups] * BLOCK;
    const uint8_t *codes = e.codes;
    for (int i = 0; i < repeat; i++)
        (density < 100 ? kernels->sparse_int8 : kernels->dense_int8)(&e.layer, &e.y, &codes, 1);
    aligned_give(memory);
    return products;
}
