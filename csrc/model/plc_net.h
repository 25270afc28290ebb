/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The feature predictor of the loss concealment; knows no audio and no packets. */
#ifndef MODEL_PLC_NET_H
#define MODEL_PLC_NET_H

#include "nn/kernels.h"
#include "nn/load.h"

enum { PLC_NET_INPUT = 57, PLC_NET_DENSE = 128, PLC_NET_UNITS = 192, PLC_NET_OUTPUT = 20 };

typedef struct plc_net {
    const kernel_table *kernels;
    linear dense_in, dense_out;
    gru gru[2];
} plc_net;

/* All zeros = reset. */
typedef struct plc_net_state {
    float gru[2][PLC_NET_UNITS];
} plc_net_state;

int plc_net_present(const weights_image *image);
int plc_net_load(plc_net *net, const weights_image *image, const kernel_table *kernels,
                 arena *memory);
/* One step of 10 ms: Burg cepstra (36), features (20), flag to features of the same step.
 * @param features NULL: only the state is wanted */
void plc_net_step(const plc_net *net, plc_net_state *state, const float input[PLC_NET_INPUT],
                  float features[PLC_NET_OUTPUT]);

#endif
