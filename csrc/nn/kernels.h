/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The table of vector kernels, one per instruction set; knows layers as arrays, no network. */
#ifndef NN_KERNELS_H
#define NN_KERNELS_H

#include "base/cpu.h"
#include "nn/tensor.h"

/* Every set gives the same integers; floats differ by rounding only. Unless said otherwise n is a
 * multiple of 8, and no pointer needs alignment. NaN in gives a defined finite value out of every
 * activation function and of quantise. */
typedef struct kernel_table {
    cpu_level level;
    /* Codes for int8 layers: floor(0.5 + 127 x) limited to +-127, stored plus 127 (the unsigned
     * variant of the format, which x86 multiplies by signed bytes). n is a multiple of 4. */
    void (*quantise)(uint8_t *codes, const float *x, int n);
    /* y[NN_PAD(outputs)] = W x + b for the four kinds of weights; those of int8, which are nearly
     * all, for `count` inputs and outputs: dense weights stay in the nearest cache meanwhile. */
    void (*dense_int8)(const linear *layer, float *const *y, const uint8_t *const *codes,
                       int count);
    void (*sparse_int8)(const linear *layer, float *const *y, const uint8_t *const *codes,
                        int count);
    void (*dense_float)(const linear *layer, float *y, const float *x);
    void (*sparse_float)(const linear *layer, float *y, const float *x);
    /* In place. */
    void (*tanh)(float *x, int n);
    void (*sigmoid)(float *x, int n);
    /* state[n] from the input products u[3n] and recurrent products v[3n]. */
    void (*gru_update)(float *state, const float *u, const float *v, int n);
    /* y = x sigmoid(gate); y may be x. */
    void (*gate)(float *y, const float *x, const float *gate, int n);
    /* y[j] += w[0] x[j] + w[1] x[j + 1] + w[2] x[j + 2], j < n. */
    void (*fir3)(float *y, const float *x, const float *w, int n);
} kernel_table;

/* The level must not exceed cpu_best_level(). Static storage. */
const kernel_table *kernels_for(cpu_level level);

extern const kernel_table kernels_portable;
#if defined(CPU_X86)
extern const kernel_table kernels_sse41;
extern const kernel_table kernels_avx2;
extern const kernel_table kernels_avx512;
#if defined(CPU_KNOWS_AVXVNNI)
extern const kernel_table kernels_avxvnni;
#endif
#elif defined(CPU_ARM)
extern const kernel_table kernels_neon;
extern const kernel_table kernels_dotprod;
#endif

#endif
