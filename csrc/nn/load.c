/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Turns arrays of a weight file into packed layers, by tables; knows no particular network. */
#include "nn/load.h"

#include "base/aligned.h"
#include "dred.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Far above any trained weight, and small enough that no sum of products overflows a float. */
static const float largest_weight = 1e6f;

enum {
    BLOCK = NN_ROWS * NN_COLS,
    LARGEST_PAIR = 129 /* 254 * 129 still fits 16 bits: AVX2 adds pairs of products there */
};

/* The arrays of a linear layer, found and checked. */
typedef struct linear_arrays {
    const weights_record *bias, *scale, *diagonal, *index, *weights, *weights8;
    size_t blocks;
} linear_arrays;

static void *arena_take(arena *memory, size_t size) {
    uint8_t *place = memory->base == NULL ? NULL : memory->base + memory->used;
    memory->used += aligned_size(size);
    return place;
}

/* Find an array of floats and check its values. */
static int expect_floats(const weights_image *image, const char *layer, const char *suffix,
                         size_t elements, int required, const weights_record **found) {
    int rc = weights_expect(image, layer, suffix, WEIGHTS_FLOAT, elements, required, found);
    if (rc != DRED_OK || *found == NULL)
        return rc;
    for (size_t i = 0; i < elements; i++)
        if (!(fabsf(weights_float(*found, i)) <= largest_weight)) /* catches NaN too */
            return weights_fail(image, layer, suffix, "value not finite or absurdly large");
    return DRED_OK;
}

/* Walk the index array of a sparse layer (networks.md 2.7, item 4) and count its blocks. */
static int check_index(const weights_image *image, const layer_spec *spec,
                       linear_arrays *arrays) {
    const char *suffix = "_weights_idx";
    const weights_record *index = arrays->index;
    if (index->type != WEIGHTS_INT)
        return weights_fail(image, spec->name, suffix, "wrong data type");
    if (index->size % 4 != 0)
        return weights_fail(image, spec->name, suffix, "wrong size");
    if (spec->inputs % NN_COLS != 0 || spec->outputs % NN_ROWS != 0)
        return weights_fail(image, spec->name, suffix, "this layer cannot be sparse");
    size_t entries = index->size / 4, at = 0;
    for (int group = 0; group < spec->outputs / NN_ROWS; group++) {
        if (at == entries)
            return weights_fail(image, spec->name, suffix, "too few row groups");
        int32_t count = weights_int(index, at++);
        if (count < 0 || count > spec->inputs / NN_COLS || (size_t)count > entries - at)
            return weights_fail(image, spec->name, suffix, "impossible block count");
        int32_t previous = -1;
        for (int32_t i = 0; i < count; i++) {
            int32_t column = weights_int(index, at++);
            if (column < 0 || column % NN_COLS != 0 || column > spec->inputs - NN_COLS)
                return weights_fail(image, spec->name, suffix, "column out of range");
            if (column <= previous)
                return weights_fail(image, spec->name, suffix, "columns do not increase");
            previous = column;
        }
        arrays->blocks += (size_t)count;
    }
    if (at != entries)
        return weights_fail(image, spec->name, suffix, "entries left over");
    return DRED_OK;
}

/* Scales are positive, or zero where a row has no weights: the reference pads so. */
static int check_scales(const weights_image *image, const layer_spec *spec,
                        const linear_arrays *arrays) {
    const uint8_t *w = arrays->weights8->data;
    size_t entry = 0;
    for (int group = 0; group < spec->outputs / NN_ROWS; group++) {
        uint8_t used[NN_ROWS] = {0};
        int32_t blocks = spec->inputs / NN_COLS;
        if (arrays->index != NULL) {
            blocks = weights_int(arrays->index, entry);
            entry += (size_t)blocks + 1;
        }
        for (; blocks > 0; blocks--, w += BLOCK)
            for (int i = 0; i < BLOCK; i++)
                used[i / NN_COLS] |= w[i];
        for (size_t row = 0; row < NN_ROWS; row++) {
            float scale = weights_float(arrays->scale, (size_t)group * NN_ROWS + row);
            if (scale < 0 || (scale == 0 && used[row]))
                return weights_fail(image, spec->name, "_scale", "not positive");
        }
    }
    return DRED_OK;
}

static int find_linear(const weights_image *image, const layer_spec *spec,
                       linear_arrays *arrays) {
    const weights_record *subias;
    const char *layer = spec->name;
    size_t outputs = (size_t)spec->outputs;
    size_t elements = (size_t)spec->inputs * outputs;
    char index_name[64];
    int rc;
    memset(arrays, 0, sizeof *arrays);
    snprintf(index_name, sizeof index_name, "%s_weights_idx", layer);
    arrays->index = weights_find(image, index_name);
    if (arrays->index != NULL) {
        if ((rc = check_index(image, spec, arrays)) != DRED_OK)
            return rc;
        elements = arrays->blocks * BLOCK;
    }
    if ((rc = expect_floats(image, layer, "_bias", outputs, 0, &arrays->bias)) != DRED_OK ||
        (rc = expect_floats(image, layer, "_subias", outputs, 0, &subias)) != DRED_OK ||
        (rc = expect_floats(image, layer, "_weights_diag", outputs, 0, &arrays->diagonal)) !=
            DRED_OK ||
        (rc = expect_floats(image, layer, "_weights_float", elements, 0, &arrays->weights)) !=
            DRED_OK ||
        (rc = weights_expect(image, layer, "_weights_int8", WEIGHTS_INT8, elements, 0,
                             &arrays->weights8)) != DRED_OK ||
        (rc = expect_floats(image, layer, "_scale", outputs, arrays->weights8 != NULL,
                            &arrays->scale)) != DRED_OK)
        return rc;
    if (arrays->weights == NULL && arrays->weights8 == NULL)
        return weights_fail(image, layer, "", "no weights");
    if (arrays->weights8 != NULL && (spec->inputs % NN_COLS != 0 || spec->outputs % NN_ROWS != 0))
        return weights_fail(image, layer, "_weights_int8", "this layer cannot be int8");
    /* A diagonal has a meaning only where input i belongs to output i of three gates. */
    if (arrays->diagonal != NULL && spec->outputs != 3 * spec->inputs)
        return weights_fail(image, layer, "_weights_diag", "not a recurrent layer");
    return arrays->weights8 == NULL ? DRED_OK : check_scales(image, spec, arrays);
}

/* Copy n floats (zeros where there is no record) into room for whole groups. */
static const float *pack_floats(const weights_record *record, int n, arena *memory) {
    size_t room = (size_t)NN_PAD(n);
    float *packed = arena_take(memory, room * sizeof *packed);
    if (packed == NULL)
        return NULL;
    memset(packed, 0, room * sizeof *packed);
    for (size_t i = 0; record != NULL && i < (size_t)n; i++)
        packed[i] = weights_float(record, i);
    return packed;
}

static void pack_index(linear *layer, const linear_arrays *arrays, arena *memory) {
    uint16_t *columns = arena_take(memory, arrays->blocks * sizeof *columns);
    int32_t *starts = arena_take(memory, ((size_t)layer->groups + 1) * sizeof *starts);
    layer->columns = columns;
    layer->starts = starts;
    if (memory->base == NULL)
        return;
    size_t at = 0;
    int32_t block = 0;
    for (int group = 0; group < layer->groups; group++) {
        starts[group] = block;
        for (int32_t count = weights_int(arrays->index, at++); count > 0; count--)
            columns[block++] = (uint16_t)weights_int(arrays->index, at++);
    }
    starts[layer->groups] = block;
}

/* Where a dense layer keeps a block, in blocks; blocks is the number per group. */
static size_t dense_place(const linear *layer, size_t blocks, int group, size_t block) {
    int first = 0;
    while (first + linear_tile(layer, first) <= group)
        first += linear_tile(layer, first);
    size_t tile = (size_t)linear_tile(layer, first);
    return (size_t)first * blocks + block * tile + (size_t)(group - first);
}

/* Dense float weights are stored column by column: regroup them by 8 rows. */
static void pack_dense_float(linear *layer, const weights_record *record, arena *memory) {
    size_t inputs = (size_t)layer->inputs, outputs = (size_t)layer->outputs;
    size_t elements = inputs * (size_t)NN_PAD(layer->outputs);
    float *packed = arena_take(memory, elements * sizeof *packed);
    layer->weights = packed;
    if (packed == NULL)
        return;
    memset(packed, 0, elements * sizeof *packed);
    for (int group = 0; group < layer->groups; group++)
        for (size_t j = 0; j < inputs; j++) {
            float *column = packed + dense_place(layer, inputs, group, j) * NN_ROWS;
            size_t first = (size_t)group * NN_ROWS;
            for (size_t row = 0; row < NN_ROWS && first + row < outputs; row++)
                column[row] = weights_float(record, j * outputs + first + row);
        }
}

/* Beside the weights, keep the row sums that undo the offset of the activation codes: the result
 * is that of signed codes to the last bit, so all kernels agree, and the file's subias is not
 * needed. */
static void pack_int8(linear *layer, const linear_arrays *arrays, arena *memory) {
    const weights_record *record = arrays->weights8;
    int8_t *packed = arena_take(memory, record->size);
    int32_t *offsets = arena_take(memory, (size_t)layer->outputs * sizeof *offsets);
    layer->weights8 = packed;
    layer->offsets = offsets;
    if (packed == NULL)
        return;
    const uint8_t *from = record->data;
    int8_t *to = packed;
    for (int group = 0; group < layer->groups; group++) {
        int32_t sums[NN_ROWS] = {0};
        size_t dense = (size_t)layer->inputs / NN_COLS;
        size_t blocks = layer->starts == NULL
                            ? dense
                            : (size_t)(layer->starts[group + 1] - layer->starts[group]);
        for (size_t block = 0; block < blocks; block++, from += BLOCK, to += BLOCK) {
            if (layer->starts == NULL)
                to = packed + dense_place(layer, dense, group, block) * BLOCK;
            memcpy(to, from, BLOCK);
            for (int i = 0; i < BLOCK; i += 2) {
                int pair = to[i] + to[i + 1];
                sums[i / NN_COLS] += pair;
                if (pair > LARGEST_PAIR || pair < -LARGEST_PAIR)
                    layer->wide_pairs = 1;
            }
        }
        for (int row = 0; row < NN_ROWS; row++)
            offsets[group * NN_ROWS + row] = -NN_CODE_ZERO * sums[row];
    }
}

static int load_linear(const weights_image *image, const layer_spec *spec, linear *layer,
                       arena *memory) {
    linear_arrays arrays;
    int rc = find_linear(image, spec, &arrays);
    if (rc != DRED_OK)
        return rc;
    memset(layer, 0, sizeof *layer);
    layer->inputs = spec->inputs;
    layer->outputs = spec->outputs;
    layer->groups = NN_PAD(spec->outputs) / NN_ROWS;
    layer->bias = pack_floats(arrays.bias, spec->outputs, memory);
    if (arrays.diagonal != NULL)
        layer->diagonal = pack_floats(arrays.diagonal, spec->outputs, memory);
    if (arrays.index != NULL)
        pack_index(layer, &arrays, memory);
    if (arrays.weights == NULL) {
        layer->scale = pack_floats(arrays.scale, spec->outputs, memory);
        pack_int8(layer, &arrays, memory);
    } else if (arrays.index == NULL) {
        pack_dense_float(layer, arrays.weights, memory);
    } else {
        layer->weights = pack_floats(arrays.weights, (int)(arrays.blocks * BLOCK), memory);
    }
    return DRED_OK;
}

static int load_conv2d(const weights_image *image, const layer_spec *spec, conv2d *layer,
                       arena *memory) {
    const weights_record *bias, *weights;
    size_t elements = (size_t)spec->inputs * (size_t)spec->outputs * CONV2D_TIME * CONV2D_HEIGHT;
    int rc;
    if ((rc = expect_floats(image, spec->name, "_bias", (size_t)spec->outputs, 0, &bias)) !=
            DRED_OK ||
        (rc = expect_floats(image, spec->name, "_weight_float", elements, 1, &weights)) != DRED_OK)
        return rc;
    layer->in_channels = spec->inputs;
    layer->out_channels = spec->outputs;
    layer->bias = pack_floats(bias, spec->outputs, memory);
    layer->weights = pack_floats(weights, (int)elements, memory);
    return DRED_OK;
}

static int load_table(const weights_image *image, const layer_spec *spec, const float **table,
                      arena *memory) {
    const weights_record *weights;
    size_t elements = (size_t)spec->inputs * (size_t)spec->outputs;
    int rc = expect_floats(image, spec->name, "_weights_float", elements, 1, &weights);
    if (rc == DRED_OK)
        *table = pack_floats(weights, (int)elements, memory);
    return rc;
}

int layers_present(const weights_image *image, const layer_spec *specs, int count) {
    static const char *const suffixes[] = {"_bias",         "_subias",       "_weights_int8",
                                           "_weights_float", "_weights_idx", "_weights_diag",
                                           "_weight_float",  "_scale"};
    char name[64];
    for (int i = 0; i < count; i++)
        for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
            snprintf(name, sizeof name, "%s%s", specs[i].name, suffixes[k]);
            if (weights_find(image, name) != NULL)
                return 1;
        }
    return 0;
}

int layers_load(const weights_image *image, const layer_spec *specs, int count, void *network,
                arena *memory) {
    for (int i = 0; i < count; i++) {
        void *place = (char *)network + specs[i].place;
        int rc = specs[i].kind == LAYER_LINEAR ? load_linear(image, &specs[i], place, memory)
                 : specs[i].kind == LAYER_CONV2D ? load_conv2d(image, &specs[i], place, memory)
                                                 : load_table(image, &specs[i], place, memory);
        if (rc != DRED_OK)
            return rc;
    }
    return DRED_OK;
}
