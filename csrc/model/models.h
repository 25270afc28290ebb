/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The set of networks of a weight file; immutable once created, knows no audio and no packets. */
#ifndef MODEL_MODELS_H
#define MODEL_MODELS_H

#include "dred.h"
#include "model/fargan.h"
#include "model/pitch_net.h"
#include "model/plc_net.h"
#include "model/profile.h"
#include "model/rdovae_dec.h"
#include "model/rdovae_enc.h"

struct dred_models {
    pitch_net pitch;
    rdovae_enc encoder;
    rdovae_dec decoder;
    plc_net plc;
    fargan vocoder;
    dred_profile profile; /* of encoder and decoder */
    int networks; /* bits DRED_NET_*; a network without its bit must not be run */
    const kernel_table *kernels;
    size_t size; /* bytes, weights included */
};

#endif
