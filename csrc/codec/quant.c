/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Quantiser with a soft dead zone, one step size per level and dimension; knows no bytes. */
#include "codec/quant.h"

#include <math.h>
#include <string.h>

#include "dsp/vec4.h"

/* Growth of the level per chunk, in sixteenths, by slope index. */
static const uint8_t slopes[8] = {0, 2, 3, 4, 6, 8, 12, 16};

quant_tables quant_tables_of(const dred_profile *profile, int kind, int level) {
    quant_tables tables;
    tables.dimensions = kind == PROFILE_STATE ? DRED_STATE_DIM : DRED_LATENT_DIM;
    tables.scale = profile_row(profile, DRED_TABLE_SCALE, kind, level);
    tables.dead_zone = profile_row(profile, DRED_TABLE_DEAD_ZONE, kind, level);
    tables.model.coded = profile->coded[kind][level];
    tables.model.decay = profile_row(profile, DRED_TABLE_DECAY, kind, level);
    tables.model.p0 = profile_row(profile, DRED_TABLE_P0, kind, level);
    return tables;
}

int quant_level(const dred_payload_header *header, int chunk) {
    int level = header->q0 + (slopes[header->dq] * chunk + 8) / 16;
    return level < header->qmax ? level : header->qmax;
}

/* Integers, and what comparisons of vec4 give: -1 or 0. */
typedef int32_t int4 __attribute__((vector_size(16)));

/* Four bytes, /256. */
static vec4 from_q8(const uint8_t *p) {
    return __builtin_convertvector((int4){p[0], p[1], p[2], p[3]}, vec4) * vec4_set(1.0f / 256);
}

/* floor() for |x| < 2^31. */
static int4 floor_to_int(vec4 x) {
    int4 truncated = __builtin_convertvector(x, int4);
    return truncated + (__builtin_convertvector(truncated, vec4) > x);
}

/* tanh of x >= 0 within 1.4e-3: the fifth convergent of its continued fraction, limited to 1. */
static vec4 tanh_near(vec4 x) {
    vec4 square = x * x;
    vec4 above = x * (945.0f + square * (105.0f + square));
    vec4 below = 945.0f + square * (420.0f + 15.0f * square);
    int4 inside = above < below;
    return above / (vec4)((inside & (int4)below) | (~inside & (int4)above));
}

static int32_t quantise_exactly(float y, float width) {
    if (isnan(y))
        return 0;
    if (fabsf(y) >= (float)LAPLACE_LIMIT)
        return y > 0 ? LAPLACE_LIMIT : -LAPLACE_LIMIT;
    return (int32_t)floorf(0.5f + (y - width * tanhf(y / (width + 0.1f))));
}

static int is_zero(int4 x) {
    int64_t halves[2];
    memcpy(halves, &x, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

/* Four symbols. No branch depends on them: it would be mispredicted half of the time. */
static int4 quantise_four(vec4 y, vec4 width) {
    int4 negative = (int4)y & INT32_MIN, magnitude = (int4)y & INT32_MAX;
    int4 valid = (vec4)magnitude < (float)LAPLACE_LIMIT; /* it is a number, and fits */
    vec4 size = (vec4)(magnitude & valid);
    vec4 shrunk = size - width * tanh_near(size / (width + vec4_set(0.1f)));
    vec4 middle = 0.5f + (vec4)((int4)shrunk | negative), margin = vec4_set(2e-3f) * width;
    int4 low = floor_to_int(middle - margin), high = floor_to_int(middle + margin);
    int4 doubt = (low ^ high) | ~valid;
    /* Only near a tie does the symbol depend on the last digits of tanh. */
    if (!is_zero(doubt))
        for (int i = 0; i < 4; i++)
            if (doubt[i])
                low[i] = quantise_exactly(y[i], width[i]);
    return low;
}

/* Where the next four dimensions begin of which any is coded; takes them out of `left`, which holds
 * the coded ones to come. Coarse levels have few. */
static int next_four(uint64_t *left, int dimensions) {
    int first = __builtin_ctzll(*left), last = dimensions - 4;
    int start = first < last ? first : last;
    *left &= ~(uint64_t)0 << start << 4;
    return start;
}

void quant_quantise(const quant_tables *tables, const float *values, int32_t *symbols) {
    const uint64_t coded = tables->model.coded;
    memset(symbols, 0, (size_t)tables->dimensions * sizeof *symbols);
    for (uint64_t left = coded; left;) {
        int i = next_four(&left, tables->dimensions);
        int4 four = quantise_four(vec4_load(values + i) * from_q8(tables->scale + i),
                                  from_q8(tables->dead_zone + i));
        four &= ((int4){1, 2, 4, 8} & (int32_t)(coded >> i & 15)) != 0;
        memcpy(symbols + i, &four, sizeof four);
    }
}

void quant_dequantise(const quant_tables *tables, const int32_t *symbols, float *values) {
    memset(values, 0, (size_t)tables->dimensions * sizeof *values);
    for (uint64_t left = tables->model.coded; left;) {
        int i = next_four(&left, tables->dimensions);
        vec4 scale = from_q8(tables->scale + i);
        int4 four;
        memcpy(&four, symbols + i, sizeof four);
        /* A scale of 0, of a dimension that is not coded, counts as 1. */
        scale += __builtin_convertvector((scale == 0.0f) & 1, vec4);
        vec4_store(values + i, __builtin_convertvector(four, vec4) / scale);
    }
}

int dred_quantizer_level(const dred_payload_header *header, int chunk) {
    if (!header || header->q0 < 0 || header->q0 >= DRED_LEVELS || header->dq < 0 ||
        header->dq > 7 || header->qmax < header->q0 || header->qmax >= DRED_LEVELS || chunk < 0 ||
        chunk >= DRED_MAX_CHUNKS)
        return DRED_ERR_ARGUMENT;
    return quant_level(header, chunk);
}

const uint8_t *dred_statistics(const dred_profile *profile, int table, int state, int level) {
    if (table < 0 || table > 3 || level < 0 || level >= DRED_LEVELS)
        return NULL;
    return profile_row(profile ? profile : &profile_opus, table,
                       state ? PROFILE_STATE : PROFILE_LATENT, level);
}
