/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Loads one linear layer, called "layer", from an image in memory; knows nothing of kernels. */
#ifndef LOAD_LAYER_H
#define LOAD_LAYER_H

#include "base/aligned.h"
#include "check.h"
#include "dred.h"
#include "image_builder.h"
#include "nn/load.h"

typedef struct loaded {
    linear layer;
    void *memory; /* for aligned_give */
} loaded;

static inline loaded load_layer(const image_builder *image, int inputs, int outputs) {
    layer_spec spec = {"layer", LAYER_LINEAR, inputs, outputs, 0};
    loaded result = {.memory = NULL};
    char message[100] = "";
    weights_image records;
    arena memory = {NULL, 0};
    CHECK(weights_open(&records, image->bytes, image->size, message, sizeof message) == DRED_OK);
    CHECK(layers_load(&records, &spec, 1, &result.layer, &memory) == DRED_OK);
    result.memory = aligned_take(memory.used);
    memory.base = result.memory;
    memory.used = 0;
    CHECK(layers_load(&records, &spec, 1, &result.layer, &memory) == DRED_OK);
    CHECK(message[0] == '\0');
    weights_close(&records);
    return result;
}

#endif
