/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Receiver side of a payload: symbols at once, features when they are asked for. Knows no packets
 * and no time beyond the offset that the payload carries. */
#include <stdlib.h>
#include <string.h>

#include "codec/handle.h"
#include "dred.h"
#include "model/models.h"

struct dred_decoder {
    const dred_models *models;
    dred_payload payload;
    int frame_offset;
    int decoded; /* chunks whose features are ready */
    rdovae_dec_state network;
    float features[DRED_MAX_CHUNKS * DRED_CHUNK_STEPS * DRED_FEATURES];
};

dred_decoder *dred_decoder_create(const dred_models *models, int *error) {
    return handle_create(models, DRED_NET_DECODER, sizeof(dred_decoder), error);
}

void dred_decoder_destroy(dred_decoder *decoder) {
    free(decoder);
}

size_t dred_decoder_size(void) {
    return sizeof(dred_decoder);
}

int dred_decoder_parse(dred_decoder *decoder, const unsigned char *payload, int size,
                       int frame_offset, int max_chunks) {
    if (!decoder) return DRED_ERR_ARGUMENT;
    int chunks = frame_offset < 0 || frame_offset >= DRED_MAX_FRAMES
                     ? DRED_ERR_ARGUMENT
                     : dred_payload_decode(&decoder->models->profile, payload, size, max_chunks,
                                           &decoder->payload);
    if (chunks < 0) memset(&decoder->payload, 0, sizeof decoder->payload);
    decoder->frame_offset = chunks < 0 ? 0 : frame_offset;
    decoder->decoded = 0;
    return chunks;
}

int dred_decoder_offset(const dred_decoder *decoder) {
    return decoder ? decoder->payload.header.offset + decoder->frame_offset : 0;
}

int dred_decoder_level(const dred_decoder *decoder, int k) {
    if (!decoder || k < 0) return DRED_ERR_ARGUMENT;
    int chunk = k / DRED_CHUNK_STEPS;
    if (chunk >= decoder->payload.chunks) return DRED_ERR_NODATA;
    return dred_quantizer_level(&decoder->payload.header, chunk);
}

int dred_decoder_features(dred_decoder *decoder, int k, float *features) {
    if (!decoder || !features || k < 0) return DRED_ERR_ARGUMENT;
    int chunk = k / DRED_CHUNK_STEPS;
    if (chunk >= decoder->payload.chunks) return DRED_ERR_NODATA;
    const rdovae_dec *network = &decoder->models->decoder;
    if (decoder->decoded == 0) {
        rdovae_dec_init(network, &decoder->network, decoder->payload.state);
    }
    int missing = chunk + 1 - decoder->decoded;
    if (missing > 0) {
        rdovae_dec_run(network, &decoder->network,
                       decoder->payload.latents + decoder->decoded * (DRED_LATENT_DIM + 1), missing,
                       decoder->features + decoder->decoded * DRED_CHUNK_STEPS * DRED_FEATURES);
        decoder->decoded += missing;
    }
    memcpy(features, decoder->features + k * DRED_FEATURES, DRED_FEATURES * sizeof(float));
    return DRED_OK;
}
