/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The RDO-VAE encoder: two feature vectors to a latent vector and an initial state; knows no
 * quantiser. */
#ifndef MODEL_RDOVAE_ENC_H
#define MODEL_RDOVAE_ENC_H

#include "nn/kernels.h"
#include "nn/load.h"

enum {
    RDOVAE_ENC_INPUT = 40,
    RDOVAE_ENC_STAGES = 5,
    RDOVAE_ENC_DENSE = 64,
    RDOVAE_ENC_UNITS = 32,
    RDOVAE_ENC_CONV = 64,
    RDOVAE_LATENT = 25,
    RDOVAE_STATE = 50
};

typedef struct rdovae_enc {
    const kernel_table *kernels;
    linear dense1;
    gru gru[RDOVAE_ENC_STAGES];
    linear conv_dense[RDOVAE_ENC_STAGES], conv[RDOVAE_ENC_STAGES];
    linear zdense, gdense1, gdense2;
} rdovae_enc;

/* All zeros = reset. */
typedef struct rdovae_enc_state {
    float gru[RDOVAE_ENC_STAGES][RDOVAE_ENC_UNITS];
    float conv[RDOVAE_ENC_STAGES][2][RDOVAE_ENC_CONV]; /* older, newer; stage 0 uses only newer */
} rdovae_enc_state;

int rdovae_enc_present(const weights_image *image);
int rdovae_enc_load(rdovae_enc *net, const weights_image *image, const kernel_table *kernels,
                    arena *memory);
/* One double step of 20 ms: features of two steps, older first. */
void rdovae_enc_step(const rdovae_enc *net, rdovae_enc_state *state,
                     const float features[RDOVAE_ENC_INPUT], float latent[RDOVAE_LATENT],
                     float initial[RDOVAE_STATE]);

#endif
