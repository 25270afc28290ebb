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
    HIDDEN = 128,
    BLOCK = 8 /* chunks at a time: 23 kB of stack */
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

/* What the layers of a block of chunks pass on. */
typedef struct block {
    int chunks;
    activation concat[BLOCK]; /* one growing concatenation per chunk */
    activation frames;        /* [1 + BLOCK][CONV] outputs of conv_dense, after the last one before */
} block;

/* One stage for all chunks, layer by layer: what a layer needs of a chunk is known before the next
 * layer begins, but for the state of the GRU. So its weights are fetched once for the block. */
static void run_stage(const rdovae_dec *net, rdovae_dec_state *state, int i, const block *b) {
    const kernel_table *kernels = net->kernels;
    float u[BLOCK][3 * UNITS];
    for (int k = 0; k < b->chunks; k++)
        linear_apply(kernels, &net->gru[i].input, u[k], b->concat[k]);
    for (int k = 0; k < b->chunks; k++)
        gru_recur(kernels, &net->gru[i], state->gru[i], activation_at(b->concat[k], BEFORE(i)),
                  u[k]);
    for (int k = 0; k < b->chunks; k++) {
        activation end = activation_at(b->concat[k], BEFORE(i));
        glu_apply(kernels, &net->glu[i], end, end);
    }
    activation_set(kernels, b->frames, state->conv[i], CONV);
    for (int k = 0; k < b->chunks; k++)
        linear_tanh(kernels, &net->conv_dense[i], activation_at(b->frames, (k + 1) * CONV),
                    b->concat[k]);
    memcpy(state->conv[i], b->frames.value + b->chunks * CONV, sizeof state->conv[i]);
    for (int k = 0; k < b->chunks; k++)
        linear_tanh(kernels, &net->conv[i], activation_at(b->concat[k], BEFORE(i) + UNITS),
                    activation_at(b->frames, k * CONV));
}

static void run_block(const rdovae_dec *net, rdovae_dec_state *state, const float *latents,
                      int chunks, float *features) {
    const kernel_table *kernels = net->kernels;
    ACTIVATION(input, RDOVAE_DEC_INPUT);
    ACTIVATION(all, BLOCK * CONCAT);
    ACTIVATION(frames, (1 + BLOCK) * CONV);
    block b = {.chunks = chunks, .frames = frames};

    for (int k = 0; k < chunks; k++) {
        b.concat[k] = activation_at(all, k * CONCAT);
        copy_limited(input.value, latents + k * RDOVAE_DEC_INPUT, RDOVAE_DEC_INPUT, input_limit);
        linear_tanh(kernels, &net->dense1, b.concat[k], input);
    }
    for (int i = 0; i < RDOVAE_DEC_STAGES; i++)
        run_stage(net, state, i, &b);
    for (int k = 0; k < chunks; k++)
        linear_apply(kernels, &net->output, features + k * RDOVAE_DEC_OUTPUT, b.concat[k]);
}

void rdovae_dec_run(const rdovae_dec *net, rdovae_dec_state *state, const float *latents,
                    int chunks, float *features) {
    for (int first = 0, count; first < chunks; first += count) {
        count = chunks - first < BLOCK ? chunks - first : BLOCK;
        run_block(net, state, latents + first * RDOVAE_DEC_INPUT, count,
                  features + first * RDOVAE_DEC_OUTPUT);
    }
}
