/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The pitch network: spectral and correlation features to a pitch value; knows no audio. */
#ifndef MODEL_PITCH_NET_H
#define MODEL_PITCH_NET_H

#include "nn/kernels.h"
#include "nn/load.h"

enum {
    PITCH_NET_IF = 88,     /* instantaneous-frequency features */
    PITCH_NET_LAGS = 224,  /* cross-correlation features       */
    PITCH_NET_CHANNELS = 4,
    PITCH_NET_ROW = PITCH_NET_LAGS + 2, /* with one zero on each side */
    PITCH_NET_UNITS = 64
};

typedef struct pitch_net {
    const kernel_table *kernels;
    linear if_upsampler[2], downsampler, final_upsampler;
    conv2d conv[2];
    gru gru;
} pitch_net;

/* All zeros = reset. */
typedef struct pitch_net_state {
    float gru[PITCH_NET_UNITS];
    float history1[CONV2D_TIME][PITCH_NET_ROW];
    float history2[CONV2D_TIME][PITCH_NET_CHANNELS][PITCH_NET_ROW];
} pitch_net_state;

int pitch_net_present(const weights_image *image);
/* @return DRED_OK or DRED_ERR_MODEL */
int pitch_net_load(pitch_net *net, const weights_image *image, const kernel_table *kernels,
                   arena *memory);
/* One step of 10 ms. @return feature 18, in [-1.5, 1.4834] */
float pitch_net_step(const pitch_net *net, pitch_net_state *state,
                     const float if_features[PITCH_NET_IF], const float xcorr[PITCH_NET_LAGS]);

#endif
