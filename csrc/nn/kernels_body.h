/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bodies of the vector kernels, the same for all instruction sets. A file that includes this
 * defines KERNEL_TARGET (the function attribute), KERNEL_LEVEL, KERNEL_TABLE, KERNEL_GROUPS (row
 * groups whose sums fit the registers: 4 or 8), KERNEL_KEEP(sums) (nothing, or a barrier that holds
 * sums in their registers), INLINE, and these primitives on types of eight floats (f8), eight 32-bit
 * integers (i8) and the codes of four inputs (x4):
 *   f8_load f8_store f8_set f8_add f8_sub f8_mul f8_div f8_fma(a, b, c) = a b + c
 *   f8_limit(x, low, high): NaN takes the lower limit
 *   f8_truncate (to i8)   i8_to_f8 i8_zero i8_add
 *   x4_load: four codes for all rows   dot4(sums, x, w): add the products of a block of weights
 *   codes_store32(codes, const i8[4])   row_offsets(layer, row): what undoes the codes' offset */
#include "nn/kernels.h"
#include "nn/rational.h"

#include <string.h>

enum {
    BLOCK = NN_ROWS * NN_COLS,
    LANES = 8,
    CODES = 32, /* quantised at a time */
    AHEAD = 1024 /* bytes of weights asked for early: they stream from a far cache, whose own
                    prefetcher stops at every page */
};

INLINE f8 tanh8(f8 x) {
    x = f8_limit(x, -TANH_LIMIT, TANH_LIMIT);
    f8 x2 = f8_mul(x, x);
    f8 numerator = f8_fma(f8_set(TANH_N2), x2, f8_set(TANH_N1));
    f8 denominator = f8_fma(f8_set(TANH_D2), x2, f8_set(TANH_D1));
    numerator = f8_fma(numerator, x2, f8_set(TANH_N0));
    denominator = f8_fma(denominator, x2, f8_set(TANH_D0));
    return f8_limit(f8_div(f8_mul(x, numerator), denominator), -1.0f, 1.0f);
}

INLINE f8 sigmoid8(f8 x) {
    const f8 half = f8_set(0.5f);
    return f8_fma(half, tanh8(f8_mul(half, x)), half);
}

INLINE void quantise32(uint8_t *codes, const float *x) {
    i8 values[CODES / LANES];
    for (int k = 0; k < CODES / LANES; k++) {
        /* Product and sum rounded apart, as by the portable kernel: the codes are the same. */
        f8 scaled = f8_add(f8_mul(f8_set(127.0f), f8_load(x + LANES * k)),
                           f8_set(NN_CODE_ZERO + 0.5f));
        values[k] = f8_truncate(f8_limit(scaled, 0.0f, 2 * NN_CODE_ZERO));
    }
    codes_store32(codes, values);
}

KERNEL_TARGET static void quantise(uint8_t *codes, const float *x, int n) {
    int i = 0;
    for (; i + CODES <= n; i += CODES)
        quantise32(codes + i, x + i);
    if (i == n)
        return;
    if (n > CODES) { /* some of the last once more, which costs less than to single out the rest */
        quantise32(codes + n - CODES, x + n - CODES);
        return;
    }
    float few[CODES] = {0};
    uint8_t few_codes[CODES];
    for (int k = 0; k < n; k += NN_COLS)
        memcpy(few + k, x + k, NN_COLS * sizeof *x);
    quantise32(few_codes, few);
    for (int k = 0; k < n; k += NN_COLS)
        memcpy(codes + k, few_codes + k, NN_COLS);
}

INLINE void finish_int8(const linear *layer, int group, float *y, i8 sums) {
    int i = group * NN_ROWS;
    f8 total = i8_to_f8(i8_add(sums, row_offsets(layer, i)));
    f8_store(y + i, f8_fma(f8_load(layer->scale + i), total, f8_load(layer->bias + i)));
}

/* `count` groups share the broadcast inputs and hide the latency of the sums. `stride` is what the
 * whole tile has of weights per block column. */
INLINE void groups_int8(const linear *layer, float *y, const uint8_t *codes, int group,
                        const int8_t *w, int stride, const int count) {
    i8 sums[KERNEL_GROUPS];
    for (int k = 0; k < count; k++)
        sums[k] = i8_zero();
    for (int j = 0; j < layer->inputs; j += NN_COLS, w += stride) {
        x4 x = x4_load(codes + j);
        for (int k = 0; k < count; k++) {
            sums[k] = dot4(sums[k], x, w + k * BLOCK);
            KERNEL_KEEP(sums[k]);
            if (k % 2 == 0) /* once per cache line */
                __builtin_prefetch(w + k * BLOCK + AHEAD);
        }
    }
    for (int k = 0; k < count; k++)
        finish_int8(layer, group + k, y, sums[k]);
}

KERNEL_TARGET static void dense_int8(const linear *layer, float *const *y,
                                     const uint8_t *const *codes, int count) {
    const int8_t *w = layer->weights8;
    for (int first = 0, tile; first < layer->groups; first += tile) {
        tile = linear_tile(layer, first);
        int groups = tile < KERNEL_GROUPS ? tile : KERNEL_GROUPS, stride = tile * BLOCK;
        for (int k = 0; k < tile; k += groups) {
            const int8_t *part = w + k * BLOCK;
            for (int n = 0; n < count; n++)
                switch (groups) { /* constants, so that the sums stay in registers */
#if KERNEL_GROUPS == 8
                case 8:
                    groups_int8(layer, y[n], codes[n], first + k, part, stride, 8);
                    break;
#endif
                case 4:
                    groups_int8(layer, y[n], codes[n], first + k, part, stride, 4);
                    break;
                case 2:
                    groups_int8(layer, y[n], codes[n], first + k, part, stride, 2);
                    break;
                default:
                    groups_int8(layer, y[n], codes[n], first + k, part, stride, 1);
                }
        }
        w += layer->inputs * NN_ROWS * tile;
    }
}

INLINE void sparse_int8_one(const linear *layer, float *y, const uint8_t *codes) {
    enum { CHAINS = 4 }; /* of sums, to hide their latency */
    const int8_t *w = layer->weights8;
    const uint16_t *column = layer->columns;
    for (int group = 0; group < layer->groups; group++) {
        int blocks = layer->starts[group + 1] - layer->starts[group];
        i8 sums[CHAINS];
        for (int k = 0; k < CHAINS; k++)
            sums[k] = i8_zero();
        for (; blocks >= CHAINS; blocks -= CHAINS, w += CHAINS * BLOCK, column += CHAINS)
            for (int k = 0; k < CHAINS; k++)
                sums[k] = dot4(sums[k], x4_load(codes + column[k]), w + k * BLOCK);
        for (; blocks > 0; blocks--, w += BLOCK, column++)
            sums[0] = dot4(sums[0], x4_load(codes + *column), w);
        finish_int8(layer, group, y, i8_add(i8_add(sums[0], sums[1]), i8_add(sums[2], sums[3])));
    }
}

/* One input after the other: sparse layers are small, and group by group was no faster. */
KERNEL_TARGET static void sparse_int8(const linear *layer, float *const *y,
                                      const uint8_t *const *codes, int count) {
    for (int n = 0; n < count; n++)
        sparse_int8_one(layer, y[n], codes[n]);
}

/* Add the products of one input to the sums of `count` groups. */
INLINE void add_input(f8 *sums, const float *w, float x, const int count) {
    f8 input = f8_set(x);
    for (int k = 0; k < count; k++)
        sums[k] = f8_fma(f8_load(w + k * NN_ROWS), input, sums[k]);
}

/* Few groups take several inputs at a time, each to sums of its own: as many sums then hide their
 * latency as with many groups. */
INLINE void groups_float(const linear *layer, float *y, const float *x, int group, const float *w,
                         int stride, const int count) {
    const int chains = KERNEL_GROUPS / count;
    f8 sums[KERNEL_GROUPS];
    int j = 0;
    for (int k = 0; k < KERNEL_GROUPS; k++)
        sums[k] = k < count ? f8_load(layer->bias + (group + k) * NN_ROWS) : f8_set(0.0f);
    for (; j + chains <= layer->inputs; j += chains, w += chains * stride)
        for (int c = 0; c < chains; c++)
            add_input(sums + c * count, w + c * stride, x[j + c], count);
    for (; j < layer->inputs; j++, w += stride)
        add_input(sums, w, x[j], count);
    for (int k = count; k < KERNEL_GROUPS; k++)
        sums[k % count] = f8_add(sums[k % count], sums[k]);
    for (int k = 0; k < count; k++)
        f8_store(y + (group + k) * NN_ROWS, sums[k]);
}

KERNEL_TARGET static void dense_float(const linear *layer, float *y, const float *x) {
    const float *w = layer->weights;
    for (int first = 0, tile; first < layer->groups; first += tile) {
        tile = linear_tile(layer, first);
        int count = tile < KERNEL_GROUPS ? tile : KERNEL_GROUPS, stride = tile * NN_ROWS;
        for (int k = 0; k < tile; k += count) {
            const float *part = w + k * NN_ROWS;
            switch (count) {
#if KERNEL_GROUPS == 8
            case 8: groups_float(layer, y, x, first + k, part, stride, 8); break;
#endif
            case 4: groups_float(layer, y, x, first + k, part, stride, 4); break;
            case 2: groups_float(layer, y, x, first + k, part, stride, 2); break;
            default: groups_float(layer, y, x, first + k, part, stride, 1);
            }
        }
        w += layer->inputs * NN_ROWS * tile;
    }
}

KERNEL_TARGET static void sparse_float(const linear *layer, float *y, const float *x) {
    const float *w = layer->weights;
    const uint16_t *column = layer->columns, *end;
    for (int group = 0; group < layer->groups; group++) {
        f8 sums[NN_COLS];
        for (int k = 0; k < NN_COLS; k++)
            sums[k] = f8_set(0.0f);
        for (end = layer->columns + layer->starts[group + 1]; column < end; column++, w += BLOCK)
            for (int k = 0; k < NN_COLS; k++)
                sums[k] = f8_fma(f8_load(w + k * NN_ROWS), f8_set(x[*column + k]), sums[k]);
        f8 total = f8_add(f8_add(sums[0], sums[1]), f8_add(sums[2], sums[3]));
        f8_store(y + group * NN_ROWS, f8_add(total, f8_load(layer->bias + group * NN_ROWS)));
    }
}

KERNEL_TARGET static void tanh_all(float *x, int n) {
    for (int i = 0; i < n; i += LANES)
        f8_store(x + i, tanh8(f8_load(x + i)));
}

KERNEL_TARGET static void sigmoid_all(float *x, int n) {
    for (int i = 0; i < n; i += LANES)
        f8_store(x + i, sigmoid8(f8_load(x + i)));
}

KERNEL_TARGET static void gru_update(float *state, const float *u, const float *v, int n) {
    for (int i = 0; i < n; i += LANES) {
        const float *ur = u + n + i, *vr = v + n + i;
        f8 s = f8_load(state + i);
        f8 z = sigmoid8(f8_add(f8_load(u + i), f8_load(v + i)));
        f8 r = sigmoid8(f8_add(f8_load(ur), f8_load(vr)));
        f8 h = tanh8(f8_fma(r, f8_load(vr + n), f8_load(ur + n)));
        f8_store(state + i, f8_fma(z, f8_sub(s, h), h));
    }
}

KERNEL_TARGET static void gate(float *y, const float *x, const float *g, int n) {
    for (int i = 0; i < n; i += LANES)
        f8_store(y + i, f8_mul(f8_load(x + i), sigmoid8(f8_load(g + i))));
}

KERNEL_TARGET static void fir3(float *y, const float *x, const float *w, int n) {
    for (int j = 0; j < n; j += LANES) {
        f8 sum = f8_load(y + j);
        for (int k = 0; k < 3; k++)
            sum = f8_fma(f8_set(w[k]), f8_load(x + j + k), sum);
        f8_store(y + j, sum);
    }
}

const kernel_table KERNEL_TABLE = {KERNEL_LEVEL, quantise,     dense_int8, sparse_int8,
                                   dense_float,  sparse_float, tanh_all,   sigmoid_all,
                                   gru_update,   gate,         fir3};
