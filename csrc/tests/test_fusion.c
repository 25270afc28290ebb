/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One vector out of several payloads: which of them count, and what is asked for in vain. */
#include "check.h"
#include "network_images.h"

#include <string.h>

enum { PAYLOADS = 6, CHUNKS = 5, CAPACITY = 600, START = 8000, APART = 2 * DRED_STEP };

/* Payload i is of a packet that starts APART later than the one before. */
static void parse(dred_decoder *decoder, int q0, uint32_t seed) {
    image_builder random = {.seed = seed};
    dred_payload_header header = {.q0 = q0, .dq = 0, .qmax = 15, .offset = 10};
    float latents[CHUNKS * DRED_LATENT_DIM], state[DRED_STATE_DIM];
    unsigned char payload[CAPACITY];
    for (int i = 0; i < CHUNKS * DRED_LATENT_DIM; i++)
        latents[i] = 8 * image_uniform(&random);
    for (int i = 0; i < DRED_STATE_DIM; i++)
        state[i] = 20 * image_uniform(&random);
    int size = dred_payload_encode(NULL, &header, latents, state, CHUNKS, payload, CAPACITY, NULL);
    CHECK(dred_decoder_parse(decoder, payload, size, 0, DRED_MAX_CHUNKS) == CHUNKS);
}

static void check_choice(dred_decoder *const *decoders, const int64_t *starts) {
    static const int levels[PAYLOADS] = {9, 3, 9, 5, 0, 0}; /* the last two come too late */
    float row[DRED_FEATURES], finest[DRED_FEATURES], next[DRED_FEATURES];
    const int64_t centre = START - 1000;
    for (int i = 0; i < PAYLOADS; i++)
        parse(decoders[i], levels[i], (uint32_t)i);
    CHECK(dred_features_at(decoders, starts, PAYLOADS, centre, NULL) == DRED_FEATURES_FROM);
    CHECK(dred_features_at(decoders, starts, PAYLOADS, centre, row) == DRED_FEATURES_FROM);
    CHECK(dred_features_at(decoders + 1, starts + 1, 1, centre, finest) == 1);
    CHECK(dred_features_at(decoders + 3, starts + 3, 1, centre, next) == 1);
    for (int i = 0; i < 18; i++) {
        CHECK(row[i] >= fminf(finest[i], next[i]) - 1e-5f);
        CHECK(row[i] <= fmaxf(finest[i], next[i]) + 1e-5f);
        CHECK(fabsf(row[i] - finest[i]) <= fabsf(row[i] - next[i]) + 1e-5f);
    }
    CHECK(memcmp(row, finest, sizeof row) != 0);
}

/* One payload alone gives its own vectors, a little sharper, whose centres lie 160 apart. */
static void check_places(dred_decoder *decoder) {
    const int64_t start = START, newest = START + 40 * 10 - DRED_STEP;
    float row[DRED_FEATURES], expected[DRED_FEATURES];
    for (int k = 0; k < CHUNKS * DRED_CHUNK_STEPS; k++) {
        CHECK(dred_decoder_features(decoder, k, expected) == DRED_OK);
        for (int off = -79; off <= 80; off += 53) {
            CHECK(dred_features_at(&decoder, &start, 1, newest - k * DRED_STEP + off, row) == 1);
            for (int i = 0; i < DRED_FEATURES; i++) {
                float detail = i >= 2 && i < 18 ? 1.08f : 1;
                CHECK_NEAR(row[i], detail * expected[i], 1e-5);
            }
        }
    }
    CHECK(dred_features_at(&decoder, &start, 1, newest + 81, row) == 0);
    CHECK(dred_features_at(&decoder, &start, 1, newest - CHUNKS * 640 + 80, row) == 0);
    CHECK(dred_features_at(&decoder, &start, 1, INT64_MIN / 2, row) == 0);
    CHECK(dred_decoder_level(decoder, CHUNKS * DRED_CHUNK_STEPS) == DRED_ERR_NODATA);
}

void test_fusion(void) {
    image_builder image = {.seed = 11};
    image_networks(&image);
    dred_models *models = image_open(&image, NULL);
    free(image.bytes);
    if (models == NULL)
        return;
    dred_decoder *decoders[PAYLOADS + 1] = {NULL};
    int64_t starts[PAYLOADS];
    int error;
    for (int i = 0; i < PAYLOADS; i++) {
        decoders[i] = dred_decoder_create(models, &error);
        starts[i] = START + i * APART;
    }
    /* Those that hold nothing, and places that are empty, describe nothing. */
    CHECK(dred_features_at(decoders, starts, PAYLOADS, START - 1000, NULL) == 0);
    CHECK(dred_features_at(decoders + PAYLOADS, starts, 1, START - 1000, NULL) == 0);
    CHECK(dred_features_at(NULL, NULL, 0, START, NULL) == 0);
    CHECK(dred_features_at(NULL, starts, 1, START, NULL) == DRED_ERR_ARGUMENT);
    CHECK(dred_features_at(decoders, NULL, 1, START, NULL) == DRED_ERR_ARGUMENT);
    CHECK(dred_features_at(decoders, starts, -1, START, NULL) == DRED_ERR_ARGUMENT);
    check_choice(decoders, starts);
    check_places(decoders[0]);
    for (int i = 0; i < PAYLOADS; i++)
        dred_decoder_destroy(decoders[i]);
    dred_models_destroy(models);
}
