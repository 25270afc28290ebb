/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the symbols of a payload mean: the identifier on the wire and the tables of quantiser and
 * entropy coder. They belong to a trained coder as its weights do; knows no bytes of a payload. */
#ifndef MODEL_PROFILE_H
#define MODEL_PROFILE_H

#include "dred.h"
#include "nn/weights.h"

enum { PROFILE_LATENT = 0, PROFILE_STATE = 1 }; /* the `state` argument of dred_statistics */

struct dred_profile {
    int version; /* second byte of the extension's prefix */
    /* Indexed by DRED_TABLE_SCALE, _DEAD_ZONE, _DECAY, _P0, then by level. */
    uint8_t latent[4][DRED_LEVELS][DRED_LATENT_DIM];
    uint8_t state[4][DRED_LEVELS][DRED_STATE_DIM];
    uint64_t coded[2][DRED_LEVELS]; /* bit i: decay of dimension i is not 0, its P(0) not 255 */
};

extern const dred_profile profile_opus;

/* The tables of one level of a kind of vector. */
const uint8_t *profile_row(const dred_profile *profile, int table, int kind, int level);

/* 1 if the image holds a profile of its own. */
int profile_present(const weights_image *image);
/* The profile of a weight file: arrays `profile_version`, `profile_latent` and `profile_state`, or
 * none of them, which means that of libopus. @return DRED_OK or DRED_ERR_MODEL with the image's
 * message set */
int profile_load(dred_profile *profile, const weights_image *image);

#endif
