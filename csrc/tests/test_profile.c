/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Profiles of one's own: loaded with a coder, sent under their version, refused where broken. */
#include "check.h"
#include "model/models.h"
#include "network_images.h"

enum { OWN = 200, ROOM = 1200, LATENT_TABLES = 4 * DRED_LEVELS * DRED_LATENT_DIM };

static image_builder own_coder(int version) {
    image_builder image = {.seed = 5};
    image_profile(&image, version);
    image_networks(&image);
    return image;
}

static void test_loaded(void) {
    image_builder image = own_coder(OWN);
    dred_models *models = image_open(&image, NULL);
    const dred_profile *profile = dred_models_profile(models);
    const uint8_t *given = image_find(&image, "profile_latent") + IMAGE_HEADER;
    CHECK(dred_profile_version(profile) == OWN);
    CHECK(memcmp(dred_statistics(profile, 0, 0, 0), given, LATENT_TABLES) == 0);
    given = image_find(&image, "profile_state") + IMAGE_HEADER;
    given += (DRED_TABLE_P0 * DRED_LEVELS + 9) * DRED_STATE_DIM;
    CHECK(memcmp(dred_statistics(profile, DRED_TABLE_P0, 1, 9), given, DRED_STATE_DIM) == 0);
    dred_models_destroy(models);
    free(image.bytes);

    image = (image_builder){.seed = 5};
    image_encoder(&image);
    models = image_open(&image, NULL);
    CHECK(dred_profile_version(dred_models_profile(models)) == DRED_EXTENSION_VERSION);
    CHECK(dred_profile_version(dred_models_profile(NULL)) == DRED_EXTENSION_VERSION);
    CHECK(dred_profile_version(NULL) == DRED_EXTENSION_VERSION);
    CHECK(memcmp(dred_statistics(dred_models_profile(models), DRED_TABLE_SCALE, 0, 3),
                 dred_statistics(NULL, DRED_TABLE_SCALE, 0, 3), DRED_LATENT_DIM) == 0);
    dred_models_destroy(models);
    free(image.bytes);
}

/* From samples to a packet to features, all by the tables of the profile. */
static void test_sent(void) {
    static const unsigned char regular[5] = {0x48, 0xAA, 0xBB, 0xCC, 0xDD};
    image_builder image = own_coder(OWN);
    dred_models *models = image_open(&image, NULL);
    dred_encoder *encoder = dred_encoder_create(models, NULL);
    dred_decoder *decoder = dred_decoder_create(models, NULL);
    dred_encode_request request = {.header = {.q0 = 4, .dq = 3, .qmax = 15},
                                   .max_chunks = 5, .capacity = 600, .packet_start = 6400};
    dred_encode_result result;
    float pcm[6400], features[DRED_FEATURES];
    unsigned char payload[600], packet[ROOM], both[ROOM];
    dred_payload parsed, misread;
    int offset, size, frame;
    for (int i = 0; i < 6400; i++)
        pcm[i] = 0.3f * sinf(0.05f * (float)i) + 0.02f * image_uniform(&image);
    CHECK(dred_encoder_push(encoder, pcm, 6400) == 20);
    int bytes = dred_encoder_payload(encoder, &request, payload, &result);
    CHECK(bytes > 0 && result.chunks > 1);

    int total = dred_packet_attach(regular, 5, OWN, payload, bytes, packet, ROOM);
    CHECK(total > 5 && total == 5 + dred_packet_cost(regular, 5, OWN, bytes + 2));
    CHECK(dred_packet_find(packet, total, DRED_EXTENSION_VERSION, &offset, &size, &frame) ==
          DRED_ERR_NODATA);
    CHECK(dred_packet_find(packet, total, OWN, &offset, &size, &frame) == DRED_OK);
    CHECK(size == bytes && memcmp(packet + offset, payload, (size_t)bytes) == 0);
    CHECK(dred_decoder_parse(decoder, packet + offset, size, frame, 26) == result.chunks);
    CHECK(dred_decoder_features(decoder, 4 * result.chunks - 1, features) == DRED_OK);
    for (int i = 0; i < DRED_FEATURES; i++)
        CHECK(features[i] - features[i] == 0.0f); /* finite */

    CHECK(dred_payload_decode(dred_models_profile(models), payload, bytes, 26, &parsed) ==
          result.chunks);
    dred_payload_decode(NULL, payload, bytes, 26, &misread);
    CHECK(memcmp(parsed.symbols, misread.symbols, sizeof parsed.symbols) != 0);

    /* A payload for each kind of receiver in one packet. */
    total = dred_packet_attach(packet, total, DRED_EXTENSION_VERSION, payload, 3, both, ROOM);
    CHECK(dred_packet_find(both, total, OWN, &offset, &size, &frame) == DRED_OK && size == bytes);
    CHECK(dred_packet_find(both, total, DRED_EXTENSION_VERSION, &offset, &size, &frame) ==
              DRED_OK && size == 3);
    CHECK(dred_packet_attach(regular, 5, 256, payload, 3, both, ROOM) == DRED_ERR_ARGUMENT);
    CHECK(dred_packet_cost(regular, 5, -1, 3) == DRED_ERR_ARGUMENT);
    dred_encoder_destroy(encoder);
    dred_decoder_destroy(decoder);
    dred_models_destroy(models);
    free(image.bytes);
}

static void expect_refusal(const image_builder *image, const char *text) {
    char message[200] = "";
    int error = 0;
    CHECK(dred_models_create(image->bytes, image->size, NULL, &error, message, sizeof message) ==
          NULL);
    CHECK(error == DRED_ERR_MODEL && strstr(message, text) != NULL);
}

static void test_refused(void) {
    static const int taken[] = {-1, 0, DRED_EXTENSION_VERSION, 13, 127, 256};
    static const char *const arrays[] = {"profile_version", "profile_latent", "profile_state"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        image_builder image = own_coder(taken[i]);
        expect_refusal(&image, "profile_version: a profile of one's own is 128 to 255");
        free(image.bytes);
    }
    for (int i = 0; i < 3; i++) {
        image_builder image = own_coder(OWN);
        memcpy(image_find(&image, arrays[i]) + 20, "another_name\0\0\0", 16);
        expect_refusal(&image, "array missing");
        free(image.bytes);
        image = own_coder(OWN);
        image_put32(image_find(&image, arrays[i]) + 12, 2); /* its size */
        expect_refusal(&image, "wrong size");
        free(image.bytes);
    }
    /* A coded dimension without a step, or one that is never zero. */
    for (int table = DRED_TABLE_SCALE; table <= DRED_TABLE_P0; table += DRED_TABLE_P0) {
        image_builder image = own_coder(OWN);
        uint8_t *tables = image_find(&image, "profile_state") + IMAGE_HEADER;
        tables[table * DRED_LEVELS * DRED_STATE_DIM + 1] = 0;
        expect_refusal(&image, "profile_state: a coded dimension");
        free(image.bytes);
    }
}

void test_profile(void);
void test_profile(void) {
    test_loaded();
    test_sent();
    test_refused();
}
