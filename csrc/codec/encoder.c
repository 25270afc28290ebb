/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Sender side: samples to a history of latents, any part of which becomes a payload. Knows no
 * packets beyond where one begins in time, and no bitrate beyond a capacity in bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/activity.h"
#include "codec/features.h"
#include "codec/handle.h"
#include "codec/payload.h"
#include "codec/quant.h"
#include "dred.h"
#include "model/models.h"

enum {
    DOUBLE_STEP = 2 * DRED_STEP, /* samples in which a latent is made                           */
    LEAD = 24,                   /* zeros before the first sample, see dred_encoder_push        */
    HISTORY = 104,               /* latents kept: 2 s, of which a payload takes every second one */
    UNIT = 40,                   /* samples in 2.5 ms                                           */
    UNITS_PER_LATENT = DOUBLE_STEP / UNIT,
    ENOUGH = 6 /* units past the packet start that the vocoder needs; newer latents are left out,
                  since the packet's own frame covers them */
};

struct dred_encoder {
    const dred_models *models;
    features_state analysis;
    rdovae_enc_state network;
    activity_state activity;
    float pending[DOUBLE_STEP];
    int fill;
    int64_t produced; /* latents since the reset; latent n lies in row n % HISTORY             */
    float latents[HISTORY][DRED_LATENT_DIM];
    float states[HISTORY][DRED_STATE_DIM];
    payload_symbols symbols[HISTORY]; /* of the latents */
    unsigned char active[HISTORY];
};

dred_encoder *dred_encoder_create(const dred_models *models, int *error) {
    dred_encoder *encoder =
        handle_create(models, DRED_NET_PITCH | DRED_NET_ENCODER, sizeof(dred_encoder), error);
    dred_encoder_reset(encoder);
    return encoder;
}

void dred_encoder_reset(dred_encoder *encoder) {
    if (!encoder) return;
    const dred_models *models = encoder->models;
    memset(encoder, 0, sizeof(*encoder));
    encoder->models = models;
    encoder->fill = LEAD;
    activity_reset(&encoder->activity);
}

void dred_encoder_destroy(dred_encoder *encoder) {
    free(encoder);
}

size_t dred_encoder_size(void) {
    return sizeof(dred_encoder);
}

static void make_latent(dred_encoder *encoder) {
    float features[2 * DRED_FEATURES], analysis[DRED_ANALYSIS_SIZE];
    for (int i = 0; i < 2; i++) {
        features_step(&encoder->models->pitch, &encoder->analysis,
                      encoder->pending + i * DRED_STEP, analysis);
        memcpy(features + i * DRED_FEATURES, analysis, DRED_FEATURES * sizeof(float));
    }
    int row = (int)(encoder->produced % HISTORY);
    rdovae_enc_step(&encoder->models->encoder, &encoder->network, features, encoder->latents[row],
                    encoder->states[row]);
    encoder->symbols[row].level = -1;
    encoder->active[row] =
        (unsigned char)activity_step(&encoder->activity, encoder->pending, DOUBLE_STEP);
    encoder->produced++;
    encoder->fill = 0;
}

int dred_encoder_push(dred_encoder *encoder, const float *pcm, int samples) {
    if (!encoder || samples < 0 || (samples > 0 && !pcm)) return DRED_ERR_ARGUMENT;
    int completed = 0;
    while (samples > 0) {
        int n = DOUBLE_STEP - encoder->fill;
        if (n > samples) n = samples;
        memcpy(encoder->pending + encoder->fill, pcm, n * sizeof(float));
        encoder->fill += n;
        pcm += n;
        samples -= n;
        if (encoder->fill == DOUBLE_STEP) {
            make_latent(encoder);
            completed++;
        }
    }
    return completed;
}

static int held(const dred_encoder *encoder) {
    return encoder->produced < HISTORY ? (int)encoder->produced : HISTORY;
}

/* Row of the latent that is `age` older than the newest. */
static int row_of(const dred_encoder *encoder, int age) {
    return (int)((encoder->produced - 1 - age) % HISTORY);
}

/* A latent describes its own 20 ms and the 20 ms before. */
static int chunk_active(const dred_encoder *encoder, int age, int count) {
    return encoder->active[row_of(encoder, age)] ||
           (age + 1 < count && encoder->active[row_of(encoder, age + 1)]);
}

typedef struct coverage {
    int newest; /* age of the first latent to send                                       */
    int offset; /* D of it                                                               */
    int skipped;
    int chunks;
    int reason;
} coverage;

static coverage find_coverage(const dred_encoder *encoder, const dred_encode_request *request) {
    coverage found = {0};
    int count = held(encoder);
    int64_t end = encoder->produced * DOUBLE_STEP - LEAD - request->packet_start;
    int64_t offset = end >= 0 ? end / UNIT : -((-end + UNIT - 1) / UNIT);
    while (found.newest < count && offset - UNITS_PER_LATENT >= ENOUGH) {
        offset -= UNITS_PER_LATENT;
        found.newest++;
    }
    /* What is older than asked for stays out, however long the silence since. */
    int reach = found.newest + 2 * request->max_chunks + 1;
    if (count > reach) count = reach;
    found.reason = DRED_NO_HISTORY;
    if (offset > PAYLOAD_LAST_OFFSET || found.newest + 1 >= count) return found;
    if (request->trim) {
        while (found.newest < count && !chunk_active(encoder, found.newest, count)) {
            found.newest++;
            found.skipped++;
            offset -= UNITS_PER_LATENT;
        }
        found.reason = DRED_SILENCE;
        if (found.newest + 1 >= count) return found;
    }
    found.reason = DRED_NO_HISTORY;
    if (offset < PAYLOAD_FIRST_OFFSET) return found;
    found.offset = (int)offset;
    found.reason = DRED_CODED;
    /* The oldest chunk needs the latent before its own as well. */
    for (int age = found.newest, chunk = 1;
         chunk <= request->max_chunks && age + 1 < count; age += 2, chunk++) {
        if (!request->trim || chunk_active(encoder, age, count)) found.chunks = chunk;
    }
    /* Speech dies away: one chunk more than the last one that has any. */
    if (request->trim && found.chunks < request->max_chunks &&
        found.newest + 2 * found.chunks + 1 < count) {
        found.chunks++;
    }
    if (found.skipped > 0 && found.chunks <= 1) found.reason = DRED_SILENCE;
    return found;
}

static const int64_t LATEST_START = (int64_t)1 << 62;

static int valid(const dred_encoder *encoder, const dred_encode_request *request) {
    return encoder && request && request->max_chunks >= 1 &&
           request->max_chunks <= DRED_MAX_CHUNKS && request->capacity >= 0 &&
           request->packet_start >= -LATEST_START && request->packet_start <= LATEST_START &&
           payload_levels_are_valid(&request->header);
}

int dred_encoder_available(const dred_encoder *encoder, const dred_encode_request *request) {
    if (!valid(encoder, request)) return DRED_ERR_ARGUMENT;
    coverage found = find_coverage(encoder, request);
    return found.reason == DRED_CODED ? found.chunks : 0;
}

int dred_encoder_payload(dred_encoder *encoder, const dred_encode_request *request,
                         unsigned char *out, dred_encode_result *result) {
    if (!valid(encoder, request) || !out || !result) return DRED_ERR_ARGUMENT;
    memset(result, 0, sizeof(*result));
    coverage found = find_coverage(encoder, request);
    result->reason = found.reason;
    result->skipped = found.skipped;
    if (found.reason != DRED_CODED) return DRED_ERR_NODATA;

    payload_vectors vectors = {.chunks = found.chunks};
    vectors.state = encoder->states[row_of(encoder, found.newest)];
    for (int i = 0; i < found.chunks; i++) {
        int row = row_of(encoder, found.newest + 2 * i);
        vectors.latents[i] = encoder->latents[row];
        vectors.kept[i] = &encoder->symbols[row];
    }
    dred_payload_header header = request->header;
    header.offset = result->offset = found.offset;
    int bytes = payload_write_vectors(&encoder->models->profile, &header, &vectors, out,
                                      request->capacity, &result->chunks, result->bits);
    if (bytes == DRED_ERR_NODATA) result->reason = DRED_NO_ROOM;
    return bytes;
}
