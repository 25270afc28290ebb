/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What a real-time thread may call allocates nothing: a call with losses on random networks, in
 * which the allocator aborts once all handles are there. */
#include "check.h"
#include "forbid_allocation.h"
#include "network_images.h"

#include <string.h>

enum { FRAME = 2 * DRED_STEP, FRAMES = 120, LOST_FROM = 90, LOST = 20, CAPACITY = 300 };

typedef struct streaming {
    dred_encoder *encoder;
    dred_decoder *decoder;
    dred_concealer *concealer, *twin;
    dred_resampler *resampler;
    dred_analysis *analysis;
    dred_rdovae_encoder *latents;
    dred_vocoder *vocoder;
    dred_predictor *predictor;
} streaming;

static streaming create(const dred_models *models) {
    int error = 0;
    streaming s;
    s.encoder = dred_encoder_create(models, &error);
    s.decoder = dred_decoder_create(models, &error);
    s.concealer = dred_concealer_create(models, &error);
    s.twin = dred_concealer_create(models, &error);
    s.resampler = dred_resampler_create(48000, 16000, &error);
    s.analysis = dred_analysis_create(models, &error);
    s.latents = dred_rdovae_encoder_create(models, &error);
    s.vocoder = dred_vocoder_create(models, &error);
    s.predictor = dred_predictor_create(models, &error);
    /* A thousand streams fit a small server. */
    CHECK(dred_encoder_size() + dred_decoder_size() + dred_concealer_size() < 128 * 1024);
    CHECK(dred_analysis_size() + dred_rdovae_encoder_size() < dred_encoder_size());
    CHECK(dred_vocoder_size() + dred_predictor_size() < dred_concealer_size());
    CHECK(error == DRED_OK && s.encoder && s.decoder && s.concealer && s.twin && s.resampler);
    return s;
}

static void destroy(streaming *s) {
    dred_encoder_destroy(s->encoder);
    dred_decoder_destroy(s->decoder);
    dred_concealer_destroy(s->concealer);
    dred_concealer_destroy(s->twin);
    dred_resampler_destroy(s->resampler);
    dred_analysis_destroy(s->analysis);
    dred_rdovae_encoder_destroy(s->latents);
    dred_vocoder_destroy(s->vocoder);
    dred_predictor_destroy(s->predictor);
}

/* One packet with its payload attached. @return bytes, 0 where there is no payload yet */
static int send_frame(streaming *s, const float *pcm, int n, unsigned char *packet) {
    static const unsigned char regular[] = {0x48, 1, 2, 3, 4, 5}; /* SILK wideband, 20 ms */
    dred_encode_request request = {.header = {6, 3, 15, 0},
                                   .max_chunks = DRED_MAX_CHUNKS,
                                   .capacity = CAPACITY,
                                   .packet_start = (int64_t)n * FRAME};
    dred_encode_result result;
    unsigned char payload[CAPACITY];
    CHECK(dred_encoder_push(s->encoder, pcm, FRAME) >= 0);
    dred_encoder_available(s->encoder, &request);
    int bytes = dred_encoder_payload(s->encoder, &request, payload, &result);
    if (bytes < 0)
        return 0;
    return dred_packet_attach(regular, sizeof regular, DRED_EXTENSION_VERSION, payload, bytes,
                              packet, 2 * CAPACITY);
}

/* Conceal as the packet behind the gap describes it. */
static void recover(streaming *s, const unsigned char *packet, int size, float *pcm) {
    int offset, bytes, frame_offset, used = 0;
    float features[(2 * LOST + 2) * DRED_FEATURES] = {0};
    unsigned char known[2 * LOST + 2] = {0};
    CHECK(dred_packet_find(packet, size, DRED_EXTENSION_VERSION, &offset, &bytes, &frame_offset) ==
          DRED_OK);
    CHECK(dred_decoder_parse(s->decoder, packet + offset, bytes, frame_offset,
                             DRED_MAX_CHUNKS) > 0);
    for (int k = 0; k < 2 * LOST; k++)
        known[k] = dred_decoder_features(s->decoder, 2 * LOST - k,
                                         features + k * DRED_FEATURES) == DRED_OK;
    for (int k = 0; k < 2 * LOST; k++) {
        used += dred_concealer_step(s->concealer, features + used * DRED_FEATURES, known + used,
                                    pcm + k % 2 * DRED_STEP);
        CHECK(dred_concealer_corrected(s->concealer, pcm) ==
              (k < DRED_CORRECTED_BEHIND ? 0 : DRED_STEP));
    }
    CHECK(used == 2 * LOST + 2);
    int64_t start = 0;
    CHECK(dred_features_at(&s->decoder, &start, 1, 40 * dred_decoder_offset(s->decoder) - FRAME,
                           features) == 1);
    float polished[FRAME];
    CHECK(dred_postfilter(pcm + FRAME, FRAME, 256, 100, 1, polished) == DRED_OK);
    CHECK(dred_concealer_copy(s->twin, s->concealer) == DRED_OK);
    CHECK(dred_concealer_rewind(s->concealer, DRED_STEP) == DRED_OK);
}

static void run_call(streaming *s, image_builder *random) {
    static float pcm[3 * FRAME];
    static unsigned char packet[2 * CAPACITY];
    float row[DRED_ANALYSIS_SIZE] = {0}, latent[DRED_LATENT_DIM], state[DRED_STATE_DIM];
    int size = 0;
    for (int n = 0; n < FRAMES; n++) {
        for (int i = 0; i < 3 * FRAME; i++)
            pcm[i] = 0.3f * image_uniform(random);
        CHECK(dred_resampler_process(s->resampler, pcm, 3 * FRAME, pcm, 3 * FRAME) >= 0);
        size = send_frame(s, pcm, n, packet);
        if (n == LOST_FROM + LOST)
            recover(s, packet, size, pcm);
        if (n < LOST_FROM || n >= LOST_FROM + LOST)
            CHECK(dred_concealer_good(s->concealer, pcm, FRAME) == DRED_OK);
    }
    /* The single stages. */
    float two[2 * DRED_FEATURES] = {0}, input[DRED_PLC_INPUT] = {0};
    CHECK(dred_analysis_process(s->analysis, pcm, 1, row) == DRED_OK);
    CHECK(dred_burg_features(pcm, 1, row) == DRED_OK);
    CHECK(dred_rdovae_encoder_process(s->latents, two, 1, latent, state) == DRED_OK);
    CHECK(dred_vocoder_process(s->vocoder, row, 1, pcm) == DRED_OK);
    CHECK(dred_predictor_step(s->predictor, input, row) == DRED_OK);
}

void test_realtime(void) {
    image_builder image = {.seed = 3};
    image_networks(&image);
    dred_models *models = image_open(&image, NULL);
    free(image.bytes);
    if (models == NULL)
        return;
    streaming handles = create(models);
    image_builder random = {.seed = 4};
    forbid_allocation();
    run_call(&handles, &random);
    allow_allocation();
    destroy(&handles);
    dred_models_destroy(models);
}
