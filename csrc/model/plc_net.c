/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The feature predictor of the loss concealment (networks.md 5); knows no audio and no packets. */
#include "model/plc_net.h"

#include "nn/layers.h"

#include <stddef.h>
#include <string.h>

enum { DENSE = PLC_NET_DENSE, UNITS = PLC_NET_UNITS };

/* Cepstra are below about 25: far enough to change nothing real. */
static const float input_limit = 100.0f;

static const layer_spec layers[] = {
    LAYER(plc_net, dense_in, "plc_dense_in", PLC_NET_INPUT, DENSE),
    LAYER(plc_net, gru[0].input, "plc_gru1_input", DENSE, 3 * UNITS),
    LAYER(plc_net, gru[0].recurrent, "plc_gru1_recurrent", UNITS, 3 * UNITS),
    LAYER(plc_net, gru[1].input, "plc_gru2_input", UNITS, 3 * UNITS),
    LAYER(plc_net, gru[1].recurrent, "plc_gru2_recurrent", UNITS, 3 * UNITS),
    LAYER(plc_net, dense_out, "plc_dense_out", UNITS, PLC_NET_OUTPUT),
};

enum { LAYER_COUNT = sizeof layers / sizeof *layers };

int plc_net_present(const weights_image *image) {
    return layers_present(image, layers, LAYER_COUNT);
}

int plc_net_load(plc_net *net, const weights_image *image, const kernel_table *kernels,
                 arena *memory) {
    net->kernels = kernels;
    return layers_load(image, layers, LAYER_COUNT, net, memory);
}

void plc_net_step(const plc_net *net, plc_net_state *state, const float input[PLC_NET_INPUT],
                  float features[PLC_NET_OUTPUT]) {
    const kernel_table *kernels = net->kernels;
    ACTIVATION(limited, PLC_NET_INPUT);
    ACTIVATION(dense, DENSE);
    ACTIVATION(first, UNITS);
    ACTIVATION(second, UNITS);

    copy_limited(limited.value, input, PLC_NET_INPUT, input_limit);
    linear_tanh(kernels, &net->dense_in, dense, limited);
    gru_step(kernels, &net->gru[0], state->gru[0], first, dense);
    gru_step(kernels, &net->gru[1], state->gru[1], second, first);
    if (features) {
        float output[NN_PAD(PLC_NET_OUTPUT)];
        linear_apply(kernels, &net->dense_out, output, second);
        memcpy(features, output, PLC_NET_OUTPUT * sizeof *features);
    }
}
