/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Layer functions over the kernel table: linear, GRU, gate, 2-D convolution; knows no network. */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

#include "nn/kernels.h"
#include "nn/tensor.h"

enum { GRU_MAX_UNITS = 192 };

/* Define an activation `name` of n elements on the stack. */
#define ACTIVATION(name, n)        \
    float name##_value[NN_PAD(n)]; \
    uint8_t name##_code[NN_PAD(n)]; \
    const activation name = {name##_value, name##_code}

/* y[NN_PAD(outputs)] = W x + b; a 1-D convolution is this on its concatenated frames. */
void linear_apply(const kernel_table *kernels, const linear *layer, float *y, activation x);
/* y = tanh(W x + b), values and codes. */
void linear_tanh(const kernel_table *kernels, const linear *layer, activation y, activation x);
/* Bring the codes of n values up to date. */
void activation_encode(const kernel_table *kernels, activation x, int n);
/* Copy values into an activation and encode them. n is a multiple of 4. */
void activation_set(const kernel_table *kernels, activation y, const float *values, int n);
/* Copy n values and their codes. */
void activation_copy(activation y, activation x, int n);
/* Copy only what the layer reads, the values or the codes. */
void linear_feed(const linear *layer, activation y, activation x, int n);
/* One step from the input products u[3 * units], which several steps may compute beforehand: the
 * state is updated and the new one written to y as well. */
void gru_recur(const kernel_table *kernels, const gru *layer, float *state, activation y, float *u);
/* One step from the input. */
void gru_step(const kernel_table *kernels, const gru *layer, float *state, activation y,
              activation x);
/* The same for `count` vectors, at most NN_BATCH: the weights are fetched once for all of them. */
void linear_apply_many(const kernel_table *kernels, const linear *layer, float *const *y,
                       const activation *x, int count);
void linear_tanh_many(const kernel_table *kernels, const linear *layer, const activation *y,
                      const activation *x, int count);
void gru_recur_many(const kernel_table *kernels, const gru *layer, float *const *states,
                    const activation *y, float *const *u, int count);
void gru_step_many(const kernel_table *kernels, const gru *layer, float *const *states,
                   const activation *y, const activation *x, int count);
void glu_apply_many(const kernel_table *kernels, const linear *gate, const activation *y,
                    const activation *x, int count);
/* One causal step. history is [CONV2D_TIME][in_channels][stride], the last step newest, values in
 * elements 1..n of a row with zeros around; out is [out_channels][out_stride], elements 0..n-1. */
void conv2d_step(const kernel_table *kernels, const conv2d *layer, const float *history,
                 int stride, float *out, int out_stride, int n);
/* Copy inputs from outside: limited to +-limit, NaN becomes 0. */
void copy_limited(float *to, const float *from, int n, float limit);

#endif
