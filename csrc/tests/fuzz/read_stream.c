/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A receiver: packets come, audio is played, lost, described by what came, and taken back. Whatever
 * the packets say, the audio is finite. */
#include "dred.h"
#include "networks.h"
#include "readers.h"

#include <string.h>

enum { KEPT = 4, MOST_STEPS = 12, VECTORS = 3, WINDOW_OFFSET = 240 };

typedef struct receiver {
    dred_decoder *decoders[KEPT];
    int64_t starts[KEPT];
    int packets;
    dred_concealer *concealer, *twin;
    int64_t clock; /* samples played */
    int steps;     /* that were worked for: an input must not take forever */
} receiver;

static void take_packet(receiver *r, const uint8_t *packet, int size) {
    int offset, bytes, frame, place = r->packets % KEPT;
    if (dred_packet_find(packet, size, DRED_EXTENSION_VERSION, &offset, &bytes, &frame) != DRED_OK)
        return;
    int chunks =
        dred_decoder_parse(r->decoders[place], packet + offset, bytes, frame, DRED_MAX_CHUNKS);
    REQUIRE(chunks >= 0 && chunks <= DRED_MAX_CHUNKS);
    for (int k = 0; k <= DRED_CHUNK_STEPS * DRED_MAX_CHUNKS; k++)
        REQUIRE((dred_decoder_level(r->decoders[place], k) >= 0) ==
                (k < DRED_CHUNK_STEPS * chunks));
    r->starts[place] = r->clock + DRED_STEP * r->packets;
    r->packets++;
}

static void play(receiver *r, int steps) {
    float pcm[DRED_STEP];
    for (; steps > 0 && r->steps < MOST_STEPS; steps--, r->steps++) {
        for (int i = 0; i < DRED_STEP; i++)
            pcm[i] = (float)(((int64_t)i * i + r->clock) % 200 - 100) / 200.0f;
        REQUIRE(dred_concealer_good(r->concealer, pcm, DRED_STEP) == DRED_OK);
        r->clock += DRED_STEP;
    }
}

static void conceal(receiver *r, int steps) {
    int count = r->packets < KEPT ? r->packets : KEPT;
    for (; steps > 0 && r->steps < MOST_STEPS; steps--, r->steps++) {
        float features[VECTORS * DRED_FEATURES] = {0}, pcm[DRED_STEP], other[DRED_STEP];
        unsigned char known[VECTORS];
        int wants = dred_concealer_wants(r->concealer);
        REQUIRE(wants == 1 || wants == VECTORS);
        for (int i = 0; i < wants; i++) {
            int64_t centre = r->clock + WINDOW_OFFSET + DRED_STEP * (i - wants + 1);
            known[i] = dred_features_at(r->decoders, r->starts, count, centre,
                                        features + i * DRED_FEATURES) > 0;
        }
        require_finite(features, wants * DRED_FEATURES);
        REQUIRE(dred_concealer_copy(r->twin, r->concealer) == DRED_OK);
        REQUIRE(dred_concealer_step(r->concealer, features, known, pcm) == wants);
        require_finite(pcm, DRED_STEP);
        if (steps == 1) {
            REQUIRE(dred_concealer_step(r->twin, features, known, other) == wants);
            REQUIRE(memcmp(pcm, other, sizeof pcm) == 0);
        }
        int corrected = dred_concealer_corrected(r->concealer, pcm);
        REQUIRE(corrected == 0 || corrected == DRED_STEP);
        require_finite(pcm, DRED_STEP);
        r->clock += DRED_STEP;
    }
}

static void rewind_by(receiver *r, int samples) {
    if (dred_concealer_rewind(r->concealer, samples) == DRED_OK)
        r->clock -= samples;
}

/* @return bytes of the part at the beginning, 0 at the end */
static size_t take_part(receiver *r, const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    switch (data[0] % STREAM_PARTS) {
    case STREAM_PLAY:
        play(r, data[1]);
        return 2;
    case STREAM_LOSE:
        conceal(r, data[1]);
        return 2;
    case STREAM_REWIND:
        rewind_by(r, 10 * data[1]);
        return 2;
    default:
        break;
    }
    if (size < 3)
        return 0;
    size_t length = (size_t)data[1] << 8 | data[2];
    if (length > size - 3)
        length = size - 3;
    take_packet(r, data + 3, (int)length);
    return 3 + length;
}

void read_stream(const uint8_t *data, size_t size) {
    const dred_models *models = fuzz_networks();
    receiver r = {.concealer = dred_concealer_create(models, NULL),
                  .twin = dred_concealer_create(models, NULL)};
    for (int i = 0; i < KEPT; i++)
        r.decoders[i] = dred_decoder_create(models, NULL);
    for (size_t part; (part = take_part(&r, data, size)) > 0; data += part)
        size -= part;
    for (int i = 0; i < KEPT; i++)
        dred_decoder_destroy(r.decoders[i]);
    dred_concealer_destroy(r.concealer);
    dred_concealer_destroy(r.twin);
}
