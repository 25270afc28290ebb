/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Layer structs and activation views shared by loader, kernels and layers; knows no network. */
#ifndef NN_TENSOR_H
#define NN_TENSOR_H

#include <stdint.h>

enum {
    NN_ROWS = 8, /* outputs are computed in groups of 8 rows: buffers of n outputs need
                    NN_PAD(n) floats                                                     */
    NN_COLS = 4, /* a weight block covers 8 rows and 4 inputs                            */
    NN_CODE_ZERO = 127 /* code of activation 0, see nn/kernels.h                         */
};

#define NN_PAD(n) (((n) + NN_ROWS - 1) / NN_ROWS * NN_ROWS)

/* y = W x + b. Weights are kept in groups of 8 rows: int8 as blocks of 8 rows x 4 columns, row by
 * row inside; float column by column (a sparse block is four of them). Groups form tiles, which a
 * kernel computes at once from one stream: block 0 of every group of the tile, then block 1 of
 * every group, ... A sparse layer keeps only blocks with weights; its groups are sorted by their
 * number of blocks, and shorter ones of a tile filled up with zero blocks. All arrays are 64-byte
 * aligned and padded with zeros to whole groups. */
typedef struct linear {
    int inputs, outputs;
    int groups;              /* of 8 rows                                                */
    const int8_t *weights8;  /* either this                                              */
    const float *weights;    /* or this, the other is NULL                               */
    const uint16_t *columns; /* sparse: first input of each block kept; NULL: dense      */
    const int32_t *blocks;   /* sparse: [tiles] blocks of each group of the tile         */
    const uint16_t *order;   /* sparse: [groups] which rows / 8 the groups are           */
    const int32_t *offsets;  /* int8: -127 * (sum of the row's weights)                  */
    const float *scale;      /* int8: per output, includes 1/127                         */
    const float *bias;       /* zeros where the file has none                            */
    const float *diagonal;   /* [outputs] or NULL: sparse recurrent layers only          */
    int wide_pairs;          /* int8: a pair of adjacent weights sums to more than 129   */
} linear;

enum { NN_DENSE_TILE = 8, NN_SPARSE_TILE = 4 };

/* Groups in a tile when this many are left: the full tile, or a power of two. */
static inline int dense_tile(int left) {
    return left >= NN_DENSE_TILE ? NN_DENSE_TILE : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

static inline int sparse_tile(int left) {
    return left >= NN_SPARSE_TILE ? NN_SPARSE_TILE : left >= 2 ? 2 : 1;
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
