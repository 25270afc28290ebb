/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Quantiser with a soft dead zone, one step size per level and dimension; knows no bytes. */
#include "codec/quant.h"

#include <math.h>

#include "coder/laplace.h"

/* Growth of the level per chunk, in sixteenths, by slope index. */
static const uint8_t slopes[8] = {0, 2, 3, 4, 6, 8, 12, 16};

quant_tables quant_tables_of(int kind, int level) {
    quant_tables tables;
    tables.scale = dred_statistics(DRED_TABLE_SCALE, kind, level);
    tables.dead_zone = dred_statistics(DRED_TABLE_DEAD_ZONE, kind, level);
    tables.decay = dred_statistics(DRED_TABLE_DECAY, kind, level);
    tables.p0 = dred_statistics(DRED_TABLE_P0, kind, level);
    tables.dimensions = kind == QUANT_STATE ? DRED_STATE_DIM : DRED_LATENT_DIM;
    return tables;
}

int quant_level(const dred_payload_header *header, int chunk) {
    int level = header->q0 + (slopes[header->dq] * chunk + 8) / 16;
    return level < header->qmax ? level : header->qmax;
}

/* floor() for |x| < 2^31, without a library call or branch. */
static int32_t floor_to_int(float x) {
    int32_t truncated = (int32_t)x;
    return truncated - ((float)truncated > x);
}

/* tanh within 1.4e-3: the fifth convergent of its continued fraction, limited to 1. */
static float tanh_near(float x) {
    float square = x * x;
    float ratio =
        x * (945.0f + square * (105.0f + square)) / (945.0f + square * (420.0f + 15.0f * square));
    ratio = ratio > 1.0f ? 1.0f : ratio;
    return ratio < -1.0f ? -1.0f : ratio;
}

static int32_t quantise_value(float x, unsigned scale, unsigned dead_zone) {
    const float limit = (float)LAPLACE_LIMIT;
    float y = x * ((float)scale * (1.0f / 256.0f));
    float size = fabsf(y), width, argument, shrunk, margin;
    int32_t symbol;

    /* The dead zone only moves values towards zero, so that nearly half of them end here. */
    if (size < 0.5f || isnan(y))
        return 0;
    if (size >= limit)
        return y > 0 ? LAPLACE_LIMIT : -LAPLACE_LIMIT;
    /* Only near a tie does the symbol depend on the last digits of tanh. */
    width = (float)dead_zone * (1.0f / 256.0f);
    argument = y / (width + 0.1f);
    shrunk = 0.5f + (y - width * tanh_near(argument));
    margin = 2e-3f * width;
    symbol = floor_to_int(shrunk - margin);
    if (symbol == floor_to_int(shrunk + margin))
        return symbol;
    return floor_to_int(0.5f + (y - width * tanhf(argument)));
}

void quant_quantise(const quant_tables *tables, const float *values, int32_t *symbols) {
    for (int i = 0; i < tables->dimensions; i++)
        symbols[i] = quant_is_coded(tables, i)
                         ? quantise_value(values[i], tables->scale[i], tables->dead_zone[i])
                         : 0;
}

void quant_dequantise(const quant_tables *tables, const int32_t *symbols, float *values) {
    for (int i = 0; i < tables->dimensions; i++) {
        float scale = tables->scale[i] ? (float)tables->scale[i] : 1.0f;
        values[i] = 256.0f * (float)symbols[i] / scale;
    }
}

int dred_quantizer_level(const dred_payload_header *header, int chunk) {
    if (!header || header->q0 < 0 || header->q0 >= DRED_LEVELS || header->dq < 0 ||
        header->dq > 7 || header->qmax < header->q0 || header->qmax >= DRED_LEVELS || chunk < 0 ||
        chunk >= DRED_MAX_CHUNKS)
        return DRED_ERR_ARGUMENT;
    return quant_level(header, chunk);
}

const uint8_t *dred_statistics(int table, int state, int level) {
    if (table < 0 || table > 3 || level < 0 || level >= DRED_LEVELS)
        return NULL;
    return state ? statistics_state[table][level] : statistics_latent[table][level];
}
