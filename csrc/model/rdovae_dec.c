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
    BLOCK = NN_BATCH /* chunks at a time: 23 kB of stack */
};

/* Far above what an encoder makes; a hostile payload can say 256 times as much. */
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

/* One stage for all chunks, layer by layer: what a layer needs of a chunk is known before the next
 * layer begins, but for the state of the GRU. So its weights are fetched once for the block.
 * concat: one growing concatenation per chunk. frames: [1 + chunks] outputs of conv_dense, after
 * the last one before. */
static void run_stage(const rdovae_dec *net, rdovae_dec_state *state, int i,
                      const activation *concat, const activation *frames, int chunks) {
    const kernel_table *kernels = net->kernels;
    float products[BLOCK][3 * UNITS], *u[BLOCK];
    activation units[BLOCK], conv[BLOCK];
    for (int k = 0; k < chunks; k++) {
        u[k] = products[k];
        units[k] = activation_at(concat[k], BEFORE(i));
        conv[k] = activation_at(units[k], UNITS);
    }
    linear_apply_many(kernels, &net->gru[i].input, u, concat, chunks);
    for (int k = 0; k < chunks; k++)
        gru_recur(kernels, &net->gru[i], state->gru[i], units[k], u[k]);
    glu_apply_many(kernels, &net->glu[i], units, units, chunks);
    activation_set(kernels, frames[0], state->conv[i], CONV);
    linear_tanh_many(kernels, &net->conv_dense[i], frames + 1, concat, chunks);
    memcpy(state->conv[i], frames[chunks].value, sizeof state->conv[i]);
    linear_tanh_many(kernels, &net->conv[i], conv, frames, chunks);
}

static void run_block(const rdovae_dec *net, rdovae_dec_state *state, const float *latents,
                      int chunks, float *features) {
    const kernel_table *kernels = net->kernels;
    ACTIVATION(inputs, BLOCK * RDOVAE_DEC_INPUT);
    ACTIVATION(concats, BLOCK * CONCAT);
    ACTIVATION(outputs, (1 + BLOCK) * CONV); /* one after the other: two are an input of `conv` */
    activation input[BLOCK], concat[BLOCK], frames[1 + BLOCK];
    float *rows[BLOCK];

    frames[0] = outputs;
    for (int k = 0; k < chunks; k++) {
        input[k] = activation_at(inputs, k * RDOVAE_DEC_INPUT);
        concat[k] = activation_at(concats, k * CONCAT);
        frames[k + 1] = activation_at(outputs, (k + 1) * CONV);
        rows[k] = features + k * RDOVAE_DEC_OUTPUT;
        copy_limited(input[k].value, latents + k * RDOVAE_DEC_INPUT, RDOVAE_DEC_INPUT, input_limit);
    }
    linear_tanh_many(kernels, &net->dense1, concat, input, chunks);
    for (int i = 0; i < RDOVAE_DEC_STAGES; i++)
        run_stage(net, state, i, concat, frames, chunks);
    linear_apply_many(kernels, &net->output, rows, concat, chunks);
}

void rdovae_dec_run(const rdovae_dec *net, rdovae_dec_state *state, const float *latents,
                    int chunks, float *features) {
    for (int first = 0, count; first < chunks; first += count) {
        count = chunks - first < BLOCK ? chunks - first : BLOCK;
        run_block(net, state, latents + first * RDOVAE_DEC_INPUT, count,
                  features + first * RDOVAE_DEC_OUTPUT);
    }
}
