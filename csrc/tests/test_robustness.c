/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What happens once and must not spoil the rest: broken samples, times far away, audio taken back in
 * pieces, buffers that overlap. */
#include "check.h"
#include "dred.h"
#include "network_images.h"

enum { FRAME = 320, QUIET = 200, LOUD = 20, BYTES_ENOUGH = 400 };

static void noise(image_builder *random, float amplitude, float *pcm) {
    for (int i = 0; i < FRAME; i++)
        pcm[i] = amplitude * image_uniform(random);
}

/* Payloads for the end of a stream that grows louder by 16 dB there, behind one odd sample. */
static int speech_after(const dred_models *models, float odd) {
    dred_encoder *encoder = dred_encoder_create(models, NULL);
    image_builder random = {.seed = 3};
    int found = 0;
    for (int n = 0; n < QUIET + LOUD; n++) {
        float pcm[FRAME];
        unsigned char payload[BYTES_ENOUGH];
        dred_encode_result result;
        dred_encode_request request = {.header = {4, 3, 15, 0}, .max_chunks = 2, .trim = 1,
                                       .capacity = BYTES_ENOUGH, .packet_start = FRAME * (n + 1)};
        noise(&random, n < QUIET ? 0.003f : 0.019f, pcm);
        if (n == QUIET / 2)
            pcm[7] = odd;
        dred_encoder_push(encoder, pcm, FRAME);
        if (n >= QUIET + 3)
            found += dred_encoder_payload(encoder, &request, payload, &result) > 0;
    }
    dred_encoder_destroy(encoder);
    return found;
}

static void test_broken_samples(const dred_models *models) {
    int expected = speech_after(models, 0.0f);
    CHECK(expected == LOUD - 3);
    CHECK(speech_after(models, INFINITY) == expected);
    CHECK(speech_after(models, NAN) == expected);
    CHECK(speech_after(models, -1e30f) == expected);
}

static void test_times_far_away(const dred_models *models) {
    static const int64_t starts[] = {21 * 16000, -21 * 16000, 40 * ((int64_t)1 << 32),
                                     (int64_t)1 << 62, -((int64_t)1 << 62)};
    static const int64_t refused[] = {INT64_MIN, INT64_MAX};
    dred_encoder *encoder = dred_encoder_create(models, NULL);
    dred_encode_request request = {.header = {4, 3, 15, 0}, .max_chunks = 4, .capacity = 400};
    dred_encode_result result;
    unsigned char payload[400];
    image_builder random = {.seed = 4};
    for (int n = 0; n < 10; n++) {
        float pcm[FRAME];
        noise(&random, 0.1f, pcm);
        dred_encoder_push(encoder, pcm, FRAME);
    }
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        request.packet_start = starts[i];
        CHECK(dred_encoder_available(encoder, &request) == 0);
        CHECK(dred_encoder_payload(encoder, &request, payload, &result) == DRED_ERR_NODATA);
        CHECK(result.reason == DRED_NO_HISTORY);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        request.packet_start = refused[i];
        CHECK(dred_encoder_available(encoder, &request) == DRED_ERR_ARGUMENT);
        CHECK(dred_encoder_payload(encoder, &request, payload, &result) == DRED_ERR_ARGUMENT);
    }
    request.packet_start = 10 * FRAME;
    CHECK(dred_encoder_available(encoder, &request) > 0);
    request.header.q0 = 16;
    CHECK(dred_encoder_available(encoder, &request) == DRED_ERR_ARGUMENT);
    dred_encoder_destroy(encoder);
}

static void test_a_failed_parse(const dred_models *models) {
    static const unsigned char payload[60] = {0x55, 0x12, 0x73};
    dred_decoder *decoder = dred_decoder_create(models, NULL);
    float features[DRED_FEATURES];
    int64_t start = 0;
    CHECK(dred_decoder_parse(decoder, payload, sizeof payload, 8, 26) > 0);
    CHECK(dred_decoder_offset(decoder) != 0);
    CHECK(dred_decoder_parse(decoder, payload, sizeof payload, DRED_MAX_FRAMES, 26) < 0);
    CHECK(dred_decoder_offset(decoder) == 0);
    CHECK(dred_decoder_features(decoder, 0, features) == DRED_ERR_NODATA);
    CHECK(dred_features_at(&decoder, &start, 1, INT64_MAX, features) == 0);
    start = INT64_MIN;
    CHECK(dred_features_at(&decoder, &start, 1, 0, features) == 0);
    dred_decoder_destroy(decoder);
}

/* A gap of eight steps, of which six are taken back in pieces, then two good frames and a guess. */
static void run_gap(const dred_models *models, int piece, float *guess) {
    dred_concealer *concealer = dred_concealer_create(models, NULL);
    image_builder random = {.seed = 5};
    float pcm[FRAME];
    for (int n = 0; n < 20; n++) {
        noise(&random, 0.1f, pcm);
        dred_concealer_good(concealer, pcm, FRAME);
    }
    for (int n = 0; n < 8; n++)
        dred_concealer_step(concealer, NULL, NULL, pcm);
    for (int taken = 0; taken < DRED_MAX_REWIND; taken += piece)
        CHECK(dred_concealer_rewind(concealer, piece) == DRED_OK);
    CHECK(dred_concealer_rewind(concealer, 1) == DRED_ERR_ARGUMENT);
    for (int n = 0; n < 2; n++) {
        noise(&random, 0.1f, pcm);
        dred_concealer_good(concealer, pcm, FRAME);
    }
    dred_concealer_step(concealer, NULL, NULL, guess);
    dred_concealer_destroy(concealer);
}

static void test_audio_taken_back(const dred_models *models) {
    float whole[DRED_STEP], pieces[DRED_STEP];
    run_gap(models, DRED_MAX_REWIND, whole);
    for (int piece = 40; piece <= 480; piece *= 2) {
        if (DRED_MAX_REWIND % piece != 0)
            continue;
        run_gap(models, piece, pieces);
        CHECK(memcmp(whole, pieces, sizeof whole) == 0);
    }
}

static void test_nothing_is_written_too_early(const dred_models *models) {
    dred_concealer *concealer = dred_concealer_create(models, NULL);
    float pcm[DRED_STEP];
    for (int n = 0; n < DRED_CORRECTED_BEHIND; n++) {
        dred_concealer_step(concealer, NULL, NULL, pcm);
        pcm[0] = 7.0f;
        pcm[DRED_STEP - 1] = 8.0f;
        CHECK(dred_concealer_corrected(concealer, pcm) == 0);
        CHECK(pcm[0] == 7.0f && pcm[DRED_STEP - 1] == 8.0f);
    }
    dred_concealer_destroy(concealer);
}

static void test_packets(void) {
    unsigned char packet[1500] = {0x48, 0xAA, 0xBB}, payload[20] = {0};
    int offset, size, frame, valid;
    CHECK(dred_packet_attach(packet, 3, DRED_EXTENSION_VERSION, payload, 20, packet, 400) ==
          DRED_ERR_ARGUMENT);
    CHECK(dred_packet_attach(packet, 3, DRED_EXTENSION_VERSION, payload, 20, packet + 2, 400) ==
          DRED_ERR_ARGUMENT);
    CHECK(dred_packet_attach(packet, 3, DRED_EXTENSION_VERSION, payload, 20, packet + 3, 400) > 0);
    /* 48 empty frames; extensions without a byte of their own, repeated for every frame. */
    memset(packet, 0x06, sizeof packet);
    static const unsigned char head[] = {0x83, 0x40 | 48, 255, 255, 255, 255, 255, 222};
    memcpy(packet, head, sizeof head);
    packet[sizeof packet - 1] = 0x04;
    int found = dred_packet_extensions(packet, sizeof packet, NULL, 0, &valid);
    CHECK(found > 4000 && found <= 4096 && !valid);
    CHECK(dred_packet_find(packet, sizeof packet, DRED_EXTENSION_VERSION, &offset, &size,
                           &frame) == DRED_ERR_NODATA);
    memset(packet + sizeof head, 0x05, sizeof packet - sizeof head);
    CHECK(dred_packet_extensions(packet, sizeof packet, NULL, 0, &valid) == 0 && !valid);
    CHECK(dred_postfilter(NULL, 0, 2000000000, 1, 0, NULL) == DRED_ERR_ARGUMENT);
}

void test_robustness(void);
void test_robustness(void) {
    image_builder image = {.seed = 8};
    image_networks(&image);
    dred_models *models = image_open(&image, NULL);
    free(image.bytes);
    test_broken_samples(models);
    test_times_far_away(models);
    test_a_failed_parse(models);
    test_audio_taken_back(models);
    test_nothing_is_written_too_early(models);
    test_packets();
    dred_models_destroy(models);
}
