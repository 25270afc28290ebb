/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pitch network (features.md 8.4): features to a pitch value; knows no audio. */
#include "model/pitch_net.h"

#include "nn/layers.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
    DENSE = 64,
    LOGITS = 192,       /* the file pads the classes to whole blocks */
    CLASSES = 180,      /* 20 cents each, from 62.5 Hz */
    NEIGHBOURS = 2      /* classes on each side of the best that share in the mean */
};

static const float input_limit = 1.0f;    /* all features lie in +-1 */
static const float exponent_limit = 20.0f; /* keeps the exponentials of hostile weights finite */

static const layer_spec layers[] = {
    LAYER(pitch_net, if_upsampler[0], "dense_if_upsampler_1", PITCH_NET_IF, DENSE),
    LAYER(pitch_net, if_upsampler[1], "dense_if_upsampler_2", DENSE, DENSE),
    LAYER(pitch_net, downsampler, "dense_downsampler", PITCH_NET_LAGS + DENSE, PITCH_NET_UNITS),
    LAYER(pitch_net, gru.input, "gru_1_input", PITCH_NET_UNITS, 3 * PITCH_NET_UNITS),
    LAYER(pitch_net, gru.recurrent, "gru_1_recurrent", PITCH_NET_UNITS, 3 * PITCH_NET_UNITS),
    LAYER(pitch_net, final_upsampler, "dense_final_upsampler", PITCH_NET_UNITS, LOGITS),
    {"conv2d_1", LAYER_CONV2D, 1, PITCH_NET_CHANNELS, offsetof(pitch_net, conv[0])},
    {"conv2d_2", LAYER_CONV2D, PITCH_NET_CHANNELS, 1, offsetof(pitch_net, conv[1])},
};

enum { LAYER_COUNT = sizeof layers / sizeof *layers };

int pitch_net_present(const weights_image *image) {
    return layers_present(image, layers, LAYER_COUNT);
}

int pitch_net_load(pitch_net *net, const weights_image *image, const kernel_table *kernels,
                   arena *memory) {
    net->kernels = kernels;
    return layers_load(image, layers, LAYER_COUNT, net, memory);
}

/* Mean class around the best one, as feature 18. */
static float pitch_of(const float *logits) {
    int best = 0;
    float highest = -1.0f; /* with all logits below, class 0 wins: part of the definition */
    for (int i = 0; i < CLASSES; i++)
        if (logits[i] > highest) {
            highest = logits[i];
            best = i;
        }
    int first = best > NEIGHBOURS ? best - NEIGHBOURS : 0;
    int last = best < CLASSES - 1 - NEIGHBOURS ? best + NEIGHBOURS : CLASSES - 1;
    float sum = 0, weighted = 0;
    for (int i = first; i <= last; i++) {
        /* Relative to the best: the quotient does not change and nothing overflows. */
        float weight = expf(fminf(logits[i] - logits[best], exponent_limit));
        sum += weight;
        weighted += (float)i * weight;
    }
    return weighted / sum / 60.0f - 1.5f;
}

float pitch_net_step(const pitch_net *net, pitch_net_state *state,
                     const float if_features[PITCH_NET_IF], const float xcorr[PITCH_NET_LAGS]) {
    const kernel_table *kernels = net->kernels;
    float logits[LOGITS];
    ACTIVATION(input, PITCH_NET_IF);
    ACTIVATION(middle, DENSE);
    ACTIVATION(both, PITCH_NET_LAGS + DENSE); /* convolution outputs, spectral branch */
    ACTIVATION(dense, PITCH_NET_UNITS);
    ACTIVATION(output, PITCH_NET_UNITS);

    copy_limited(input.value, if_features, PITCH_NET_IF, input_limit);
    activation_encode(kernels, input, PITCH_NET_IF);
    linear_tanh(kernels, &net->if_upsampler[0], middle, input);
    linear_tanh(kernels, &net->if_upsampler[1], activation_at(both, PITCH_NET_LAGS), middle);

    memmove(state->history1[0], state->history1[1], 2 * sizeof state->history1[0]);
    copy_limited(state->history1[2] + 1, xcorr, PITCH_NET_LAGS, input_limit);
    memmove(state->history2[0], state->history2[1], 2 * sizeof state->history2[0]);
    conv2d_step(kernels, &net->conv[0], state->history1[0], PITCH_NET_ROW,
                state->history2[2][0] + 1, PITCH_NET_ROW, PITCH_NET_LAGS);
    for (int channel = 0; channel < PITCH_NET_CHANNELS; channel++)
        kernels->tanh(state->history2[2][channel] + 1, PITCH_NET_LAGS);
    conv2d_step(kernels, &net->conv[1], state->history2[0][0], PITCH_NET_ROW, both.value,
                PITCH_NET_LAGS, PITCH_NET_LAGS);
    kernels->tanh(both.value, PITCH_NET_LAGS);
    activation_encode(kernels, both, PITCH_NET_LAGS);

    linear_tanh(kernels, &net->downsampler, dense, both);
    gru_step(kernels, &net->gru, state->gru, output, dense);
    linear_apply(kernels, &net->final_upsampler, logits, output);
    return pitch_of(logits);
}
