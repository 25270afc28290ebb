/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The RDO-VAE decoder: initial state and latents to features, backward in time; knows no
 * payload. */
#ifndef MODEL_RDOVAE_DEC_H
#define MODEL_RDOVAE_DEC_H

#include "nn/kernels.h"
#include "nn/load.h"

enum {
    RDOVAE_DEC_STATE = 50,
    RDOVAE_DEC_INPUT = 26, /* 25 latents and level/8 - 1 */
    RDOVAE_DEC_STAGES = 5,
    RDOVAE_DEC_DENSE = 96,
    RDOVAE_DEC_UNITS = 64,
    RDOVAE_DEC_CONV = 32,
    RDOVAE_DEC_OUTPUT = 80
};

typedef struct rdovae_dec {
    const kernel_table *kernels;
    linear hidden_init, gru_init, dense1, output;
    gru gru[RDOVAE_DEC_STAGES];
    linear glu[RDOVAE_DEC_STAGES], conv_dense[RDOVAE_DEC_STAGES], conv[RDOVAE_DEC_STAGES];
} rdovae_dec;

/* Set by rdovae_dec_init only. */
typedef struct rdovae_dec_state {
    float gru[RDOVAE_DEC_STAGES][RDOVAE_DEC_UNITS];
    float conv[RDOVAE_DEC_STAGES][RDOVAE_DEC_CONV];
} rdovae_dec_state;

int rdovae_dec_present(const weights_image *image);
int rdovae_dec_load(rdovae_dec *net, const weights_image *image, const kernel_table *kernels,
                    arena *memory);
/* Start a payload from its (dequantised) initial state. */
void rdovae_dec_init(const rdovae_dec *net, rdovae_dec_state *state,
                     const float initial[RDOVAE_DEC_STATE]);
/* The next chunks, newest first, [chunks][RDOVAE_DEC_INPUT]. Gives four feature vectors for each,
 * newest first, finite, not clipped: [chunks][RDOVAE_DEC_OUTPUT]. Many at once are cheaper. */
void rdovae_dec_run(const rdovae_dec *net, rdovae_dec_state *state, const float *latents,
                    int chunks, float *features);

#endif
