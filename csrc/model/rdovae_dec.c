/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The RDO-VAE decoder (networks.md 4); knows no payload. */
#include "model/rdovae_dec.h"

#include "nn/layers.h"

#include <stddef.h>
#include <string.h>

enum {
    DENSE = RDOVAE_DEC_DENSE,
    UNITS = RDOVAE_DEC_UNITS,
    CONV = RDOVAE_DEC_CONV,
    CONCAT = DENSE + RDOVAE_DEC_STAGES * (UNITS + CONV),
    HIDDEN = 128
};

/* The largest value a payload can carry is 127 * 256. */
static const float input_limit = 32768.0f;

/* Inputs of stage i: what the stages before have appended to the concatenation. */
#define BEFORE(i) (DENSE + (i) * (UNITS + CONV))

#define STAGE(i, number)                                                                       \
    LAYER(rdovae_dec, gru[i].input, "dec_gru" number "_input", BEFORE(i), 3 * UNITS),          \
    LAYER(rdovae_dec, gru[i].recurrent, "dec_gru" number "_recurrent", UNITS, 3 * UNITS),      \
    LAYER(rdovae_dec, glu[i], "dec_glu" number, UNITS, UNITS),                                 \
    LAYER(rdovae_dec, conv_dense[i], "dec_conv_dense" number, BEFORE(i) + UNITS, CONV),        \
    LAYER(rdovae_dec, conv[i], "dec_conv" number, 2 * CONV, CONV)

static const layer_spec layers[] = {
    LAYER(rdovae_dec, hidden_init, "dec_hidden_init", RDOVAE_DEC_STATE, HIDDEN),
    LAYER(rdovae_dec, gru_init, "dec_gru_init", HIDDEN, RDOVAE_DEC_STAGES * UNITS),
    LAYER(rdovae_dec, dense1, "dec_dense1", RDOVAE_DEC_INPUT, DENSE),
    STAGE(0, "1"),
    STAGE(1, "2"),
    STAGE(2, "3"),
    STAGE(3, "4"),
    STAGE(4, "5"),
    LAYER(rdovae_dec, output, "dec_output", CONCAT, RDOVAE_DEC_OUTPUT),
};

enum { LAYER_COUNT = sizeof layers / sizeof *layers };

int rdovae_dec_present(const weights_image *image) {
    return layers_present(image, layers, LAYER_COUNT);
}

int rdovae_dec_load(rdovae_dec *net, const weights_image *image, const kernel_table *kernels,
                    arena *memory) {
    net->kernels = kernels;
    return layers_load(image, layers, LAYER_COUNT, net, memory);
}

void rdovae_dec_init(const rdovae_dec *net, rdovae_dec_state *state,
                     const float initial[RDOVAE_DEC_STATE]) {
    const kernel_table *kernels = net->kernels;
    ACTIVATION(input, RDOVAE_DEC_STATE);
    ACTIVATION(hidden, HIDDEN);

    memset(state, 0, sizeof *state);
    /* No codes: with 50 and 26 inputs this layer and dense1 cannot be int8, nor should they,
     * their inputs are not limited to +-1. */
    copy_limited(input.value, initial, RDOVAE_DEC_STATE, input_limit);
    linear_tanh(kernels, &net->hidden_init, hidden, input);
    linear_apply(kernels, &net->gru_init, &state->gru[0][0], hidden);
    kernels->tanh(&state->gru[0][0], RDOVAE_DEC_STAGES * UNITS);
}

void rdovae_dec_step(const rdovae_dec *net, rdovae_dec_state *state,
                     const float latent[RDOVAE_DEC_INPUT], float features[RDOVAE_DEC_OUTPUT]) {
    const kernel_table *kernels = net->kernels;
    ACTIVATION(input, RDOVAE_DEC_INPUT);
    ACTIVATION(concat, CONCAT);
    ACTIVATION(frames, 2 * CONV);

    copy_limited(input.value, latent, RDOVAE_DEC_INPUT, input_limit);
    linear_tanh(kernels, &net->dense1, concat, input);
    activation end = activation_at(concat, DENSE);
    for (int i = 0; i < RDOVAE_DEC_STAGES; i++) {
        gru_step(kernels, &net->gru[i], state->gru[i], end, concat);
        glu_apply(kernels, &net->glu[i], end, end);
        end = activation_at(end, UNITS);
        activation_set(kernels, frames, state->conv[i], CONV);
        linear_tanh(kernels, &net->conv_dense[i], activation_at(frames, CONV), concat);
        memcpy(state->conv[i], frames.value + CONV, sizeof state->conv[i]);
        linear_tanh(kernels, &net->conv[i], end, frames);
        end = activation_at(end, CONV);
    }
    linear_apply(kernels, &net->output, features, concat);
}
