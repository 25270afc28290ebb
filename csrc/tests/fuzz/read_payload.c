/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Payloads: any bytes decode to finite vectors, and what was decoded can be coded again. */
#include "codec/payload.h"
#include "readers.h"

#include <string.h>

static const dred_profile *const opus = &profile_opus;

static void code_again(const dred_payload *payload) {
    static uint8_t bytes[PAYLOAD_MAX_BYTES];
    dred_payload again;
    int bits[2 + DRED_MAX_CHUNKS];
    int size = payload_write_symbols(opus, &payload->header, payload->symbols, payload->chunks,
                                     PAYLOAD_DECODABLE, bytes, sizeof bytes, bits);
    /* Zeros behind the end of the bytes can be read as vectors that no payload has room for. */
    if (size == DRED_ERR_SPACE || size == DRED_ERR_NODATA)
        return;
    REQUIRE(size > 0 && size <= (int)sizeof bytes);
    int chunks = dred_payload_decode(NULL, bytes, size, payload->chunks, &again);
    REQUIRE(chunks > 0 && chunks <= payload->chunks);
    REQUIRE(memcmp(&again.header, &payload->header, sizeof again.header) == 0);
    REQUIRE(memcmp(again.symbols, payload->symbols,
                   (size_t)(DRED_STATE_DIM + DRED_LATENT_DIM * chunks) * sizeof(int32_t)) == 0);
}

void read_payload(const uint8_t *data, size_t size) {
    dred_payload payload, fewer;
    int wanted = size > 0 ? data[size - 1] % (DRED_MAX_CHUNKS + 1) : 0;
    int chunks = dred_payload_decode(NULL, data, (int)size, DRED_MAX_CHUNKS, &payload);
    const dred_payload_header *header = &payload.header;
    REQUIRE(chunks == payload.chunks && chunks >= 0 && chunks <= DRED_MAX_CHUNKS);
    REQUIRE(header->q0 >= 0 && header->q0 < DRED_LEVELS && header->dq >= 0 && header->dq < 8);
    REQUIRE(header->qmax >= header->q0 && header->qmax < DRED_LEVELS && header->offset <= 16);
    for (int i = 0; i < chunks; i++)
        REQUIRE(payload.level[i] == dred_quantizer_level(header, i));
    require_finite(payload.state, DRED_STATE_DIM);
    require_finite(payload.latents, DRED_MAX_CHUNKS * (DRED_LATENT_DIM + 1));
    REQUIRE(dred_payload_decode(NULL, data, (int)size, wanted, &fewer) ==
            (chunks < wanted ? chunks : wanted));
    REQUIRE(memcmp(fewer.latents, payload.latents,
                   (size_t)((DRED_LATENT_DIM + 1) * fewer.chunks) * sizeof(float)) == 0);
    if (chunks > 0)
        code_again(&payload);
}
