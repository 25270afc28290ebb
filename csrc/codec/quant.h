/* SPDX-License-Identifier: BSD-3-Clause
 *
 * quant.h - quantiser levels, dead zone and statistics of latents and initial state. It knows
 * numbers, not bytes. */
#ifndef CODEC_QUANT_H
#define CODEC_QUANT_H

#include "coder/laplace.h"
#include "dred.h"
#include "model/profile.h"

/* The four rows of one level. Only the dimensions of the model are coded; the symbol of another
 * is 0 by definition. */
typedef struct quant_tables {
    const uint8_t *scale, *dead_zone;
    laplace_model model;
    int dimensions;
} quant_tables;

/* kind: PROFILE_LATENT or PROFILE_STATE */
quant_tables quant_tables_of(const dred_profile *profile, int kind, int level);

/* Level of chunk i, 0 = newest (i up to DRED_MAX_CHUNKS - 1, header valid). */
int quant_level(const dred_payload_header *header, int chunk);
/* Values to symbols, within +-LAPLACE_LIMIT; what is not a number becomes 0. */
void quant_quantise(const quant_tables *tables, const float *values, int32_t *symbols);
void quant_dequantise(const quant_tables *tables, const int32_t *symbols, float *values);

#endif
