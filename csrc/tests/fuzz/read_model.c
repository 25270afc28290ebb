/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Weight files: one that is taken makes networks that give finite numbers, the others an error with
 * a line of text. */
#include "dred.h"
#include "readers.h"

#include <string.h>

enum { STEPS = 3 };

static void fill(float *values, int count) {
    for (int i = 0; i < count; i++)
        values[i] = (float)(i * 7919 % 201 - 100) / 100.0f;
}

static void run_pitch(const dred_models *models) {
    float pcm[STEPS * DRED_STEP], out[STEPS * DRED_ANALYSIS_SIZE];
    dred_analysis *analysis = dred_analysis_create(models, NULL);
    fill(pcm, STEPS * DRED_STEP);
    REQUIRE(dred_analysis_process(analysis, pcm, STEPS, out) == DRED_OK);
    require_finite(out, STEPS * DRED_ANALYSIS_SIZE);
    dred_analysis_destroy(analysis);
}

static void run_encoder(const dred_models *models) {
    float features[STEPS * 2 * DRED_FEATURES], latents[STEPS * DRED_LATENT_DIM];
    float states[STEPS * DRED_STATE_DIM];
    dred_rdovae_encoder *encoder = dred_rdovae_encoder_create(models, NULL);
    fill(features, STEPS * 2 * DRED_FEATURES);
    REQUIRE(dred_rdovae_encoder_process(encoder, features, STEPS, latents, states) >= 0);
    require_finite(latents, STEPS * DRED_LATENT_DIM);
    require_finite(states, STEPS * DRED_STATE_DIM);
    dred_rdovae_encoder_destroy(encoder);
}

/* Whatever the tables are, what is coded by them is read again. */
static void run_profile(const dred_profile *profile) {
    static float latents[STEPS * DRED_LATENT_DIM], state[DRED_STATE_DIM];
    static dred_payload payload;
    dred_payload_header header = {.q0 = 2, .dq = 7, .qmax = 15};
    unsigned char bytes[2000];
    int bits[2 + STEPS];
    fill(latents, STEPS * DRED_LATENT_DIM);
    fill(state, DRED_STATE_DIM);
    int version = dred_profile_version(profile);
    REQUIRE(version == DRED_EXTENSION_VERSION || (version >= DRED_OWN_VERSIONS && version < 256));
    int size = dred_payload_encode(profile, &header, latents, state, STEPS, bytes, sizeof bytes,
                                   bits);
    REQUIRE(size > 0 || size == DRED_ERR_NODATA);
    if (size < 0)
        return;
    REQUIRE(dred_payload_decode(profile, bytes, size, DRED_MAX_CHUNKS, &payload) > 0);
    REQUIRE(payload.bits[1] == bits[1] && payload.bits[2] == bits[2]);
    require_finite(payload.latents, payload.chunks * (DRED_LATENT_DIM + 1));
}

static void run_decoder(const dred_models *models) {
    float state[DRED_STATE_DIM], latents[STEPS * (DRED_LATENT_DIM + 1)];
    float features[STEPS * DRED_CHUNK_STEPS * DRED_FEATURES];
    fill(state, DRED_STATE_DIM);
    fill(latents, STEPS * (DRED_LATENT_DIM + 1));
    REQUIRE(dred_rdovae_decode(models, state, latents, STEPS, features) >= 0);
    require_finite(features, STEPS * DRED_CHUNK_STEPS * DRED_FEATURES);
}

static void run_predictor(const dred_models *models) {
    float input[DRED_PLC_INPUT], features[DRED_FEATURES];
    dred_predictor *predictor = dred_predictor_create(models, NULL);
    fill(input, DRED_PLC_INPUT);
    for (int i = 0; i < STEPS; i++) {
        REQUIRE(dred_predictor_step(predictor, input, features) == DRED_OK);
        require_finite(features, DRED_FEATURES);
    }
    dred_predictor_destroy(predictor);
}

static void run_vocoder(const dred_models *models) {
    float past[DRED_VOCODER_PAST], features[DRED_VOCODER_QUEUE * DRED_FEATURES];
    float pcm[STEPS * DRED_STEP];
    dred_vocoder *vocoder = dred_vocoder_create(models, NULL);
    fill(past, DRED_VOCODER_PAST);
    fill(features, DRED_VOCODER_QUEUE * DRED_FEATURES);
    REQUIRE(dred_vocoder_resume(vocoder, past, features) == DRED_OK);
    REQUIRE(dred_vocoder_process(vocoder, features, STEPS, pcm) == DRED_OK);
    require_finite(pcm, STEPS * DRED_STEP);
    dred_vocoder_destroy(vocoder);
}

void read_model(const uint8_t *data, size_t size) {
    char message[100] = "";
    int error = 1;
    dred_models *models = dred_models_create(data, size, NULL, &error, message, sizeof message);
    REQUIRE(memchr(message, '\0', sizeof message) != NULL);
    REQUIRE((models != NULL) == (error == DRED_OK) && (models == NULL) == (message[0] != '\0'));
    if (models == NULL)
        return;
    int networks = dred_models_networks(models);
    REQUIRE(networks > 0 && networks <= DRED_NET_ALL);
    run_profile(dred_models_profile(models));
    if (networks & DRED_NET_PITCH)
        run_pitch(models);
    if (networks & DRED_NET_ENCODER)
        run_encoder(models);
    if (networks & DRED_NET_DECODER)
        run_decoder(models);
    if (networks & DRED_NET_PLC)
        run_predictor(models);
    if (networks & DRED_NET_FARGAN)
        run_vocoder(models);
    dred_models_destroy(models);
}
