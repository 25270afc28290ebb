/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Layer functions over the kernel table: linear, GRU, gate, 2-D convolution; knows no network. */
#include "nn/layers.h"

#include <math.h>
#include <string.h>

/* Pointers to the first of the rows of [NN_BATCH][width]. */
static inline void point_to_rows(float **rows, float *first, int width, int count) {
    rows[0] = first;
    for (int k = 1; k < count; k++)
        rows[k] = first + k * width;
}

/* Views of states, with their codes where those of the new states will be. */
static inline void point_to_states(activation *held, float *const *states, const activation *y,
                                   int count) {
    held[0] = (activation){states[0], y[0].code};
    for (int k = 1; k < count; k++)
        held[k] = (activation){states[k], y[k].code};
}

void linear_apply_many(const kernel_table *kernels, const linear *layer, float *const *y,
                       const activation *x, int count) {
    const uint8_t *codes[NN_BATCH];
    if (layer->weights != NULL) {
        for (int k = 0; k < count; k++)
            (layer->columns != NULL ? kernels->sparse_float : kernels->dense_float)(layer, y[k],
                                                                                    x[k].value);
        return;
    }
    for (int k = 0; k < count; k++)
        codes[k] = x[k].code;
    /* x86 without VNNI adds pairs of products in 16 bits, which only weights of a proper exporter
     * fit. */
    if (layer->wide_pairs)
        kernels = kernels_for(CPU_PORTABLE);
    (layer->columns != NULL ? kernels->sparse_int8 : kernels->dense_int8)(layer, y, codes, count);
}

void linear_apply(const kernel_table *kernels, const linear *layer, float *y, activation x) {
    linear_apply_many(kernels, layer, &y, &x, 1);
}

void activation_encode(const kernel_table *kernels, activation x, int n) {
    kernels->quantise(x.code, x.value, n);
}

void activation_set(const kernel_table *kernels, activation y, const float *values, int n) {
    memcpy(y.value, values, (size_t)n * sizeof *values);
    kernels->quantise(y.code, values, n);
}

void activation_copy(activation y, activation x, int n) {
    memcpy(y.value, x.value, (size_t)n * sizeof *x.value);
    memcpy(y.code, x.code, (size_t)n);
}

void linear_feed(const linear *layer, activation y, activation x, int n) {
    if (layer->weights != NULL)
        memcpy(y.value, x.value, (size_t)n * sizeof *x.value);
    else
        memcpy(y.code, x.code, (size_t)n);
}

void linear_tanh_many(const kernel_table *kernels, const linear *layer, const activation *y,
                      const activation *x, int count) {
    float *values[NN_BATCH];
    values[0] = y[0].value;
    for (int k = 1; k < count; k++)
        values[k] = y[k].value;
    linear_apply_many(kernels, layer, values, x, count);
    for (int k = 0; k < count; k++) {
        kernels->tanh(y[k].value, NN_PAD(layer->outputs));
        kernels->quantise(y[k].code, y[k].value, NN_PAD(layer->outputs));
    }
}

void linear_tanh(const kernel_table *kernels, const linear *layer, activation y, activation x) {
    linear_tanh_many(kernels, layer, &y, &x, 1);
}

void gru_recur_many(const kernel_table *kernels, const gru *layer, float *const *states,
                    const activation *y, float *const *u, int count) {
    float products[NN_BATCH][3 * GRU_MAX_UNITS], *v[NN_BATCH];
    activation held[NN_BATCH];
    const linear *recurrent = &layer->recurrent;
    int units = recurrent->inputs;
    point_to_rows(v, products[0], 3 * GRU_MAX_UNITS, count);
    point_to_states(held, states, y, count);
    for (int k = 0; k < count; k++)
        activation_encode(kernels, held[k], units);
    linear_apply_many(kernels, recurrent, v, held, count);
    for (int k = 0; k < count; k++) {
        for (int i = 0; recurrent->diagonal != NULL && i < 3 * units; i++)
            v[k][i] += recurrent->diagonal[i] * states[k][i % units];
        kernels->gru_update(states[k], u[k], v[k], units);
        activation_set(kernels, y[k], states[k], units);
    }
}

void gru_recur(const kernel_table *kernels, const gru *layer, float *state, activation y,
               float *u) {
    gru_recur_many(kernels, layer, &state, &y, &u, 1);
}

void gru_step_many(const kernel_table *kernels, const gru *layer, float *const *states,
                   const activation *y, const activation *x, int count) {
    float products[NN_BATCH][3 * GRU_MAX_UNITS], *u[NN_BATCH];
    point_to_rows(u, products[0], 3 * GRU_MAX_UNITS, count);
    linear_apply_many(kernels, &layer->input, u, x, count);
    gru_recur_many(kernels, layer, states, y, u, count);
}

void gru_step(const kernel_table *kernels, const gru *layer, float *state, activation y,
              activation x) {
    gru_step_many(kernels, layer, &state, &y, &x, 1);
}

void glu_apply_many(const kernel_table *kernels, const linear *gate, const activation *y,
                    const activation *x, int count) {
    float products[NN_BATCH][GRU_MAX_UNITS], *g[NN_BATCH];
    point_to_rows(g, products[0], GRU_MAX_UNITS, count);
    linear_apply_many(kernels, gate, g, x, count);
    for (int k = 0; k < count; k++) {
        kernels->gate(y[k].value, x[k].value, g[k], gate->outputs);
        kernels->quantise(y[k].code, y[k].value, gate->outputs);
    }
}

void conv2d_step(const kernel_table *kernels, const conv2d *layer, const float *history,
                 int stride, float *out, int out_stride, int n) {
    const float *w = layer->weights;
    for (int o = 0; o < layer->out_channels; o++) {
        float *y = out + o * out_stride;
        for (int i = 0; i < n; i++)
            y[i] = layer->bias[o];
        for (int m = 0; m < layer->in_channels; m++)
            for (int t = 0; t < CONV2D_TIME; t++, w += CONV2D_HEIGHT)
                kernels->fir3(y, history + (t * layer->in_channels + m) * stride, w, n);
    }
}

void copy_limited(float *to, const float *from, int n, float limit) {
    for (int i = 0; i < n; i++) {
        float x = isnan(from[i]) ? 0.0f : from[i];
        x = x < -limit ? -limit : x;
        to[i] = x > limit ? limit : x;
    }
}
