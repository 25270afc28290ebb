/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Turns arrays of a weight file into packed layers, by tables; knows no particular network. */
#ifndef NN_LOAD_H
#define NN_LOAD_H

#include "nn/tensor.h"
#include "nn/weights.h"

/* One block of memory that layers are packed into. With base == NULL nothing is written and only
 * `used` grows: loading twice, first to measure, needs a single allocation. */
typedef struct arena {
    uint8_t *base; /* 64-byte aligned */
    size_t used;
} arena;

typedef enum layer_kind {
    LAYER_LINEAR, /* -> linear */
    LAYER_CONV2D, /* -> conv2d; inputs and outputs are channels */
    LAYER_TABLE   /* -> const float *, [inputs][outputs] as stored */
} layer_kind;

typedef struct layer_spec {
    const char *name;
    layer_kind kind;
    int inputs, outputs;
    size_t place; /* offset of the layer in the network's struct */
} layer_spec;

#define LAYER(network, member, name, inputs, outputs) \
    {name, LAYER_LINEAR, inputs, outputs, offsetof(network, member)}

/* 1 if the image holds any array of these layers. */
int layers_present(const weights_image *image, const layer_spec *specs, int count);
/* Check and pack all layers. @return DRED_OK or DRED_ERR_MODEL with the image's message set */
int layers_load(const weights_image *image, const layer_spec *specs, int count, void *network,
                arena *memory);

#endif
