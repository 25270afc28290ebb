/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Makes weight file images in memory for tests, from a seed; knows the record layout and nothing
 * of networks. */
#ifndef IMAGE_BUILDER_H
#define IMAGE_BUILDER_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct image_builder {
    uint8_t *bytes;
    size_t size;
    uint32_t seed;
    uint32_t one_in; /* sparse layers keep one block in this many; 0: in three */
} image_builder;

enum { IMAGE_FLOAT = 0, IMAGE_INT = 1, IMAGE_INT8 = 3, IMAGE_HEADER = 64 };
enum { LAYER_DENSE = 0, LAYER_SPARSE = 1, LAYER_INT8 = 2 }; /* bits of image_layer's kind */

static inline uint32_t image_random(image_builder *image) {
    image->seed = image->seed * 1664525u + 1013904223u;
    return image->seed >> 8;
}

/* Uniform in +-1. */
static inline float image_uniform(image_builder *image) {
    return (float)image_random(image) / 8388608.0f - 1.0f;
}

static inline void image_put32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t image_get32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Append a record. Numbers of four bytes are turned to the byte order of files. */
static inline void image_add(image_builder *image, const char *layer, const char *suffix, int type,
                             const void *data, size_t size) {
    size_t block = (size + 63) / 64 * 64;
    image->bytes = realloc(image->bytes, image->size + IMAGE_HEADER + block);
    uint8_t *record = image->bytes + image->size;
    memset(record, 0, IMAGE_HEADER + block);
    memcpy(record, "DNNw", 4);
    image_put32(record + 8, (uint32_t)type);
    image_put32(record + 12, (uint32_t)size);
    image_put32(record + 16, (uint32_t)block);
    char name[128];
    snprintf(name, sizeof name, "%s%s", layer, suffix);
    memcpy(record + 20, name, strlen(name) < 43 ? strlen(name) : 43);
    memcpy(record + IMAGE_HEADER, data, size);
    for (size_t i = IMAGE_HEADER; type != IMAGE_INT8 && i < IMAGE_HEADER + size; i += 4) {
        uint32_t number;
        memcpy(&number, record + i, sizeof number);
        image_put32(record + i, number);
    }
    image->size += IMAGE_HEADER + block;
}

static inline void image_add_floats(image_builder *image, const char *layer, const char *suffix,
                                    size_t count, float middle, float spread) {
    float *values = calloc(count, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = middle + spread * image_uniform(image);
    image_add(image, layer, suffix, IMAGE_FLOAT, values, count * sizeof *values);
    free(values);
}

/* Append the arrays of a linear layer with random weights that keep outputs near +-1. */
static inline void image_layer(image_builder *image, const char *name, int inputs, int outputs,
                               int kind) {
    size_t count = (size_t)inputs * (size_t)outputs;
    float spread = 1.7f / sqrtf((float)inputs);
    if (kind & LAYER_SPARSE) {
        int32_t *index = malloc((count / 32 + (size_t)outputs) * sizeof *index);
        size_t entries = 0;
        uint32_t one_in = image->one_in > 0 ? image->one_in : 3;
        count = 0;
        for (int group = 0; group < outputs / 8; group++) {
            size_t start = entries++;
            /* The first block is always kept, so that no layer is empty. */
            for (int column = 0; column < inputs; column += 4)
                if ((group == 0 && column == 0) || image_random(image) % one_in == 0)
                    index[entries++] = column;
            index[start] = (int32_t)(entries - start - 1);
            count += 32 * (entries - start - 1);
        }
        image_add(image, name, "_weights_idx", IMAGE_INT, index, entries * sizeof *index);
        free(index);
    }
    image_add_floats(image, name, "_bias", (size_t)outputs, 0.0f, 0.1f);
    if (!(kind & LAYER_INT8)) {
        image_add_floats(image, name, "_weights_float", count, 0.0f, spread);
        return;
    }
    int8_t *weights = malloc(count);
    for (size_t i = 0; i < count; i++)
        weights[i] = (int8_t)((int)(image_random(image) % 129) - 64);
    image_add(image, name, "_weights_int8", IMAGE_INT8, weights, count);
    image_add_floats(image, name, "_scale", (size_t)outputs, spread / (127.0f * 64.0f),
                     0.5f * spread / (127.0f * 64.0f));
    free(weights);
}

/* The record of an array, header first, or NULL. */
static inline uint8_t *image_find(const image_builder *image, const char *name) {
    size_t at = 0;
    while (at < image->size) {
        uint8_t *record = image->bytes + at;
        if (strcmp((const char *)record + 20, name) == 0)
            return record;
        at += IMAGE_HEADER + image_get32(record + 16);
    }
    return NULL;
}

#endif
