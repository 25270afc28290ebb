/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The single-network stages of dred.h: argument checks around one call each. */
#include <stdlib.h>
#include <string.h>

#include "codec/features.h"
#include "codec/handle.h"
#include "dred.h"
#include "dsp/postfilter.h"
#include "model/models.h"

const char *dred_version(void) {
    return DRED_VERSION;
}

const char *dred_strerror(int error) {
    switch (error) {
        case DRED_ERR_ARGUMENT: return "invalid argument";
        case DRED_ERR_MEMORY: return "out of memory";
        case DRED_ERR_MODEL: return "malformed or inconsistent model file";
        case DRED_ERR_MISSING: return "the models lack a network that this needs";
        case DRED_ERR_PACKET: return "malformed Opus packet";
        case DRED_ERR_SPACE: return "output buffer too small";
        case DRED_ERR_NODATA: return "nothing to encode or nothing found";
        default: return error >= 0 ? "success" : "unknown error";
    }
}

/* Every stage handle is a network's state behind the models it runs on. */

struct dred_analysis {
    const dred_models *models;
    features_state state;
};

dred_analysis *dred_analysis_create(const dred_models *models, int *error) {
    return handle_create(models, DRED_NET_PITCH, sizeof(dred_analysis), error);
}

void dred_analysis_reset(dred_analysis *analysis) {
    if (analysis) memset(&analysis->state, 0, sizeof(analysis->state));
}

void dred_analysis_destroy(dred_analysis *analysis) {
    free(analysis);
}

size_t dred_analysis_size(void) {
    return sizeof(dred_analysis);
}

int dred_analysis_process(dred_analysis *analysis, const float *pcm, int steps, float *out) {
    if (!analysis || !pcm || !out || steps < 0) return DRED_ERR_ARGUMENT;
    for (int i = 0; i < steps; i++, pcm += DRED_STEP, out += DRED_ANALYSIS_SIZE) {
        features_step(&analysis->models->pitch, &analysis->state, pcm, out);
    }
    return DRED_OK;
}

int dred_burg_features(const float *pcm, int steps, float *out) {
    if (!pcm || !out || steps < 0) return DRED_ERR_ARGUMENT;
    for (int i = 0; i < steps; i++, pcm += DRED_STEP, out += DRED_BURG_SIZE) {
        features_burg(pcm, out);
    }
    return DRED_OK;
}

struct dred_rdovae_encoder {
    const dred_models *models;
    rdovae_enc_state state;
};

dred_rdovae_encoder *dred_rdovae_encoder_create(const dred_models *models, int *error) {
    return handle_create(models, DRED_NET_ENCODER, sizeof(dred_rdovae_encoder), error);
}

void dred_rdovae_encoder_reset(dred_rdovae_encoder *encoder) {
    if (encoder) memset(&encoder->state, 0, sizeof(encoder->state));
}

void dred_rdovae_encoder_destroy(dred_rdovae_encoder *encoder) {
    free(encoder);
}

size_t dred_rdovae_encoder_size(void) {
    return sizeof(dred_rdovae_encoder);
}

int dred_rdovae_encoder_process(dred_rdovae_encoder *encoder, const float *features, int count,
                                float *latents, float *states) {
    if (!encoder || !features || !latents || !states || count < 0) return DRED_ERR_ARGUMENT;
    for (int i = 0; i < count; i++) {
        rdovae_enc_step(&encoder->models->encoder, &encoder->state,
                        features + i * 2 * DRED_FEATURES, latents + i * DRED_LATENT_DIM,
                        states + i * DRED_STATE_DIM);
    }
    return DRED_OK;
}

int dred_rdovae_decode(const dred_models *models, const float *state, const float *latents,
                       int chunks, float *features) {
    if (!models || !state || !latents || !features || chunks < 0) return DRED_ERR_ARGUMENT;
    if (!(models->networks & DRED_NET_DECODER)) return DRED_ERR_MISSING;
    rdovae_dec_state decoder;
    rdovae_dec_init(&models->decoder, &decoder, state);
    rdovae_dec_run(&models->decoder, &decoder, latents, chunks, features);
    return DRED_OK;
}

struct dred_vocoder {
    const dred_models *models;
    fargan_state state;
};

dred_vocoder *dred_vocoder_create(const dred_models *models, int *error) {
    dred_vocoder *vocoder = handle_create(models, DRED_NET_FARGAN, sizeof(dred_vocoder), error);
    dred_vocoder_reset(vocoder);
    return vocoder;
}

void dred_vocoder_reset(dred_vocoder *vocoder) {
    if (vocoder) fargan_reset(&vocoder->state);
}

void dred_vocoder_destroy(dred_vocoder *vocoder) {
    free(vocoder);
}

size_t dred_vocoder_size(void) {
    return sizeof(dred_vocoder);
}

int dred_vocoder_resume(dred_vocoder *vocoder, const float *pcm, const float *features) {
    if (!vocoder || !pcm || !features) return DRED_ERR_ARGUMENT;
    fargan_resume(&vocoder->models->vocoder, &vocoder->state, pcm, features);
    return DRED_OK;
}

int dred_vocoder_process(dred_vocoder *vocoder, const float *features, int steps, float *pcm) {
    if (!vocoder || !features || !pcm || steps < 0) return DRED_ERR_ARGUMENT;
    for (int i = 0; i < steps; i++, features += DRED_FEATURES, pcm += DRED_STEP) {
        fargan_step(&vocoder->models->vocoder, &vocoder->state, features, pcm);
    }
    return DRED_OK;
}

struct dred_predictor {
    const dred_models *models;
    plc_net_state state;
};

dred_predictor *dred_predictor_create(const dred_models *models, int *error) {
    return handle_create(models, DRED_NET_PLC, sizeof(dred_predictor), error);
}

void dred_predictor_reset(dred_predictor *predictor) {
    if (predictor) memset(&predictor->state, 0, sizeof(predictor->state));
}

int dred_predictor_copy(dred_predictor *to, const dred_predictor *from) {
    if (!to || !from || to->models != from->models) return DRED_ERR_ARGUMENT;
    to->state = from->state;
    return DRED_OK;
}

void dred_predictor_destroy(dred_predictor *predictor) {
    free(predictor);
}

size_t dred_predictor_size(void) {
    return sizeof(dred_predictor);
}

int dred_predictor_step(dred_predictor *predictor, const float *input, float *features) {
    if (!predictor || !input || !features) return DRED_ERR_ARGUMENT;
    plc_net_step(&predictor->models->plc, &predictor->state, input, features);
    return DRED_OK;
}

enum { LONGEST_REACH = 16 * 48 }; /* 16 ms at 48 kHz */

int dred_postfilter(const float *pcm, int samples, int reach, int period, float voicing,
                    float *out) {
    if (!pcm || !out || samples < 0 || period < 1 || period > reach || reach > LONGEST_REACH)
        return DRED_ERR_ARGUMENT;
    postfilter_block(pcm, samples, reach, period, voicing, out);
    return DRED_OK;
}
