/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The RDO-VAE encoder (networks.md 3); knows no quantiser. */
#include "model/rdovae_enc.h"

#include "nn/layers.h"

#include <stddef.h>
#include <string.h>

enum {
    DENSE = RDOVAE_ENC_DENSE,
    UNITS = RDOVAE_ENC_UNITS,
    CONV = RDOVAE_ENC_CONV,
    CONCAT = DENSE + RDOVAE_ENC_STAGES * (UNITS + CONV),
    HIDDEN = 128,
    LATENT_ROWS = 32, /* outputs are padded to whole blocks in the file */
    STATE_ROWS = 56
};

/* Features are cepstra below about 25, pitch and voicing: far enough to change nothing real. */
static const float input_limit = 100.0f;

/* Inputs of stage i: what the stages before have appended to the concatenation. */
#define BEFORE(i) (DENSE + (i) * (UNITS + CONV))

#define STAGE(i, number)                                                                       \
    LAYER(rdovae_enc, gru[i].input, "enc_gru" number "_input", BEFORE(i), 3 * UNITS),          \
    LAYER(rdovae_enc, gru[i].recurrent, "enc_gru" number "_recurrent", UNITS, 3 * UNITS),      \
    LAYER(rdovae_enc, conv_dense[i], "enc_conv_dense" number, BEFORE(i) + UNITS, CONV),        \
    LAYER(rdovae_enc, conv[i], "enc_conv" number, 2 * CONV, CONV)

static const layer_spec layers[] = {
    LAYER(rdovae_enc, dense1, "enc_dense1", RDOVAE_ENC_INPUT, DENSE),
    STAGE(0, "1"),
    STAGE(1, "2"),
    STAGE(2, "3"),
    STAGE(3, "4"),
    STAGE(4, "5"),
    LAYER(rdovae_enc, zdense, "enc_zdense", CONCAT, LATENT_ROWS),
    LAYER(rdovae_enc, gdense1, "gdense1", CONCAT, HIDDEN),
    LAYER(rdovae_enc, gdense2, "gdense2", HIDDEN, STATE_ROWS),
};

enum { LAYER_COUNT = sizeof layers / sizeof *layers };

int rdovae_enc_present(const weights_image *image) {
    return layers_present(image, layers, LAYER_COUNT);
}

int rdovae_enc_load(rdovae_enc *net, const weights_image *image, const kernel_table *kernels,
                    arena *memory) {
    net->kernels = kernels;
    return layers_load(image, layers, LAYER_COUNT, net, memory);
}

void rdovae_enc_step(const rdovae_enc *net, rdovae_enc_state *state,
                     const float features[RDOVAE_ENC_INPUT], float latent[RDOVAE_LATENT],
                     float initial[RDOVAE_STATE]) {
    const kernel_table *kernels = net->kernels;
    float output[STATE_ROWS];
    ACTIVATION(input, RDOVAE_ENC_INPUT);
    ACTIVATION(concat, CONCAT);
    ACTIVATION(frames, 2 * CONV);
    ACTIVATION(hidden, HIDDEN);

    copy_limited(input.value, features, RDOVAE_ENC_INPUT, input_limit);
    activation_encode(kernels, input, RDOVAE_ENC_INPUT);
    linear_tanh(kernels, &net->dense1, concat, input);
    activation end = activation_at(concat, DENSE);
    for (int i = 0; i < RDOVAE_ENC_STAGES; i++) {
        float(*memory)[CONV] = state->conv[i];
        int past = i == 0 ? 1 : 0; /* the first stage looks one step back, the others two */
        gru_step(kernels, &net->gru[i], state->gru[i], end, concat);
        end = activation_at(end, UNITS);
        activation_set(kernels, frames, memory[past], CONV);
        linear_tanh(kernels, &net->conv_dense[i], activation_at(frames, CONV), concat);
        memcpy(memory[0], memory[1], sizeof memory[0]);
        memcpy(memory[1], frames.value + CONV, sizeof memory[1]);
        linear_tanh(kernels, &net->conv[i], end, frames);
        end = activation_at(end, CONV);
    }
    linear_apply(kernels, &net->zdense, output, concat);
    memcpy(latent, output, RDOVAE_LATENT * sizeof *latent);
    linear_tanh(kernels, &net->gdense1, hidden, concat);
    linear_apply(kernels, &net->gdense2, output, hidden);
    memcpy(initial, output, RDOVAE_STATE * sizeof *initial);
}
