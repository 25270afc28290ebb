/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Layer functions over the kernel table: linear, GRU, gate, 2-D convolution; knows no network. */
#include "nn/layers.h"

#include <math.h>
#include <string.h>

void linear_apply(const kernel_table *kernels, const linear *layer, float *y, activation x) {
    if (layer->weights != NULL) {
        if (layer->columns != NULL)
            kernels->sparse_float(layer, y, x.value);
        else
            kernels->dense_float(layer, y, x.value);
        return;
    }
    /* x86 without VNNI adds pairs of products in 16 bits, which only weights of a proper exporter
     * fit. */
    if (layer->wide_pairs)
        kernels = kernels_for(CPU_PORTABLE);
    if (layer->columns != NULL)
        kernels->sparse_int8(layer, y, x.code);
    else
        kernels->dense_int8(layer, y, x.code);
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

void linear_tanh(const kernel_table *kernels, const linear *layer, activation y, activation x) {
    linear_apply(kernels, layer, y.value, x);
    kernels->tanh(y.value, NN_PAD(layer->outputs));
    kernels->quantise(y.code, y.value, NN_PAD(layer->outputs));
}

void gru_recur(const kernel_table *kernels, const gru *layer, float *state, activation y,
               const float *u) {
    float v[3 * GRU_MAX_UNITS];
    const linear *recurrent = &layer->recurrent;
    int units = recurrent->inputs;
    /* The output view holds the old state until the new one is known. */
    activation_set(kernels, y, state, units);
    linear_apply(kernels, recurrent, v, y);
    for (int i = 0; recurrent->diagonal != NULL && i < 3 * units; i++)
        v[i] += recurrent->diagonal[i] * state[i % units];
    kernels->gru_update(state, u, v, units);
    activation_set(kernels, y, state, units);
}

void gru_step(const kernel_table *kernels, const gru *layer, float *state, activation y,
              activation x) {
    float u[3 * GRU_MAX_UNITS];
    linear_apply(kernels, &layer->input, u, x);
    gru_recur(kernels, layer, state, y, u);
}

void glu_apply(const kernel_table *kernels, const linear *gate, activation y, activation x) {
    float g[GRU_MAX_UNITS];
    linear_apply(kernels, gate, g, x);
    kernels->gate(y.value, x.value, g, gate->outputs);
    kernels->quantise(y.code, y.value, gate->outputs);
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
