/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Layer structs and activation views shared by loader, kernels and layers; knows no network. */
#ifndef NN_TENSOR_H
#define NN_TENSOR_H

#include <stdint.h>

enum {
    NN_ROWS = 8,       /* outputs are computed in groups of 8 rows: buffers of n outputs need
                          NN_PAD(n) floats                                                     */
    NN_COLS = 4,       /* a weight block covers 8 rows and 4 inputs                            */
    NN_TILE = 8,       /* groups of rows in a tile of a dense layer, at most                   */
    NN_BATCH = 8,      /* input vectors that a layer takes at a time, at most                 */
    NN_CODE_ZERO = 127 /* code of activation 0, see nn/kernels.h                         */
};

#define NN_PAD(n) (((n) + NN_ROWS - 1) / NN_ROWS * NN_ROWS)

/* y = W x + b. Weights are kept in groups of 8 rows: int8 as blocks of 8 rows x 4 columns, row by
 * row inside; float column by column (a sparse block is four of them). Sparse layers have one
 * group after the other, of each only the blocks listed in `columns`. Dense layers have tiles of
 * linear_tile() groups: for block 0 of every group of the tile, then block 1 of every group, ...
 * so that a kernel which computes a tile at once reads its weights in one stream. All arrays are
 * 64-byte aligned and padded with zeros to whole groups. */
typedef struct linear {
    int inputs, outputs;
    int groups;              /* of 8 rows                                                */
    const int8_t *weights8;  /* either this                                              */
    const float *weights;    /* or this, the other is NULL                               */
    const uint16_t *columns; /* first input of each block kept; NULL: dense              */
    const int32_t *starts;   /* [groups + 1] first block of each group; NULL: dense      */
    const int32_t *offsets;  /* int8: -127 * (sum of the row's weights)                  */
    const float *scale;      /* int8: per output, includes 1/127                         */
    const float *bias;       /* zeros where the file has none                            */
    const float *diagonal;   /* [outputs] or NULL: sparse recurrent layers only          */
    int wide_pairs;          /* int8: a pair of adjacent weights sums to more than 129   */
} linear;

/* Groups in the tile that starts at `group`: NN_TILE, and powers of two for the rest. */
static inline int linear_tile(const linear *layer, int group) {
    int left = layer->groups - group;
    return left >= NN_TILE ? NN_TILE : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Gates in the order z, r, h; reset after the recurrent product. */
typedef struct gru {
    linear input, recurrent;
} gru;

enum { CONV2D_TIME = 3, CONV2D_HEIGHT = 3 };

/* Causal in time, zero-padded in height. */
typedef struct conv2d {
    int in_channels, out_channels;
    const float *weights; /* [out][in][CONV2D_TIME][CONV2D_HEIGHT], oldest step first */
    const float *bias;
} conv2d;

/* A vector in both number formats: float layers read the values, int8 layers the codes. */
typedef struct activation {
    float *value;
    uint8_t *code;
} activation;

/* The same view, starting n elements later. */
static inline activation activation_at(activation a, int n) {
    activation shifted = {a.value + n, a.code + n};
    return shifted;
}

#endif
