/* SPDX-License-Identifier: BSD-3-Clause
 *
 * DRED payload: header, statistics, quantiser, the end-of-payload rule and hostile bytes. */
#include <string.h>

#include "check.h"
#include "codec/payload.h"
#include "codec/quant.h"
#include "coder/laplace.h"

static const dred_profile *const opus = &profile_opus;

/* Reproducible values, -1..1. */
static float noise(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 8388608.0f - 1.0f;
}

static void fill(float *values, int count, float amplitude, uint32_t seed) {
    for (int i = 0; i < count; i++)
        values[i] = amplitude * noise(&seed);
}

static void test_levels(void) {
    static const int slow[13] = {4, 4, 4, 4, 5, 5, 5, 5, 5, 5, 5, 5, 6};
    static const int steep[13] = {4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15};
    dred_payload_header header = {4, 1, 15, 0};
    for (int i = 0; i < 13; i++)
        CHECK(dred_quantizer_level(&header, i) == slow[i]);
    header.dq = 7;
    for (int i = 0; i < 13; i++)
        CHECK(dred_quantizer_level(&header, i) == steep[i]);
    CHECK(dred_quantizer_level(&header, DRED_MAX_CHUNKS) == DRED_ERR_ARGUMENT);
    CHECK(dred_quantizer_level(NULL, 0) == DRED_ERR_ARGUMENT);
}

static void test_statistics(void) {
    static const int latents[16] = {25, 25, 25, 25, 24, 23, 19, 13, 13, 11, 8, 5, 3, 3, 3, 3};
    static const int states[16] = {42, 41, 40, 40, 40, 40, 40, 41, 42, 45, 42, 37, 36, 35, 33, 30};
    for (int level = 0; level < DRED_LEVELS; level++) {
        for (int kind = 0; kind < 2; kind++) {
            quant_tables tables = quant_tables_of(opus, kind, level);
            int coded = 0;
            for (int i = 0; i < tables.dimensions; i++) {
                int is_coded = (int)(tables.model.coded >> i & 1);
                CHECK(is_coded == (tables.model.decay[i] != 0 && tables.model.p0[i] != 255));
                if (!is_coded)
                    continue;
                coded++;
                CHECK(tables.model.p0[i] > 0);
                CHECK(tables.scale[i] > 0);
            }
            CHECK(coded == (kind == PROFILE_STATE ? states : latents)[level]);
        }
    }
    CHECK(dred_statistics(NULL, 4, 0, 0) == NULL);
    CHECK(dred_statistics(NULL, 0, 0, 16) == NULL);
}

/* The shortcut around tanh must not change a symbol. */
static void test_quantiser(void) {
    quant_tables tables = quant_tables_of(opus, PROFILE_LATENT, 6);
    float values[DRED_LATENT_DIM];
    int32_t symbols[DRED_LATENT_DIM];
    for (int step = -2000; step <= 2000; step++) {
        for (int i = 0; i < DRED_LATENT_DIM; i++)
            values[i] = (float)step * 0.0037f;
        quant_quantise(&tables, values, symbols);
        for (int i = 0; i < DRED_LATENT_DIM; i++) {
            float y = values[i] * ((float)tables.scale[i] / 256.0f);
            float width = (float)tables.dead_zone[i] / 256.0f;
            float plain = floorf(0.5f + (y - width * tanhf(y / (width + 0.1f))));
            CHECK(symbols[i] == (tables.model.coded >> i & 1 ? (int)plain : 0));
        }
    }
    tables = quant_tables_of(opus, PROFILE_LATENT, 0); /* all dimensions coded */
    for (int i = 0; i < DRED_LATENT_DIM; i++)
        values[i] = i % 3 == 0 ? NAN : i % 3 == 1 ? INFINITY : -3e38f;
    quant_quantise(&tables, values, symbols);
    CHECK(symbols[0] == 0 && symbols[1] == LAPLACE_LIMIT && symbols[2] == -LAPLACE_LIMIT);
}

static void test_headers(void) {
    int32_t symbols[DRED_STATE_DIM + DRED_LATENT_DIM] = {0};
    unsigned char bytes[256];
    dred_payload payload;
    for (int i = 0; i < DRED_LATENT_DIM; i++)
        symbols[DRED_STATE_DIM + i] = 9; /* costs enough at any level to be seen */
    for (int q0 = 0; q0 < 16; q0++) {
        for (int dq = 0; dq < 8; dq++) {
            for (int qmax = 0; qmax < 16; qmax++) {
                int total = (q0 * 700 + dq * 93 + qmax) % 8192;
                dred_payload_header header = {q0, dq, qmax, 16 - total};
                int valid = qmax >= q0 && (dq == 0 || qmax > q0 || q0 == 15);
                int size =
                    payload_write_symbols(opus, &header, symbols, 1, PAYLOAD_EXACT, bytes, 256,
                                          NULL);
                CHECK((size > 0) == valid);
                if (size <= 0)
                    continue;
                CHECK(dred_payload_decode(NULL, bytes, size, 26, &payload) == 1);
                CHECK(payload.header.q0 == q0 && payload.header.dq == dq);
                CHECK(payload.header.offset == header.offset);
                CHECK(payload.header.qmax == (dq == 0 ? 15 : qmax));
                CHECK(payload.level[0] == q0);
            }
        }
    }
    for (int offset = -8177; offset <= 18; offset++) {
        dred_payload_header header = {15, 0, 15, offset};
        int size =
            payload_write_symbols(opus, &header, symbols, 1, PAYLOAD_EXACT, bytes, 256, NULL);
        CHECK((size > 0) == (offset >= -8175 && offset <= 16));
        if (size > 0) {
            dred_payload_decode(NULL, bytes, size, 26, &payload);
            CHECK(payload.header.offset == offset);
        }
    }
}

/* What the decoder finds is what was meant, at any size and any amplitude. */
static void test_round_trip(void) {
    static float latents[DRED_MAX_CHUNKS * DRED_LATENT_DIM];
    float state[DRED_STATE_DIM];
    unsigned char bytes[4096];
    int bits[2 + DRED_MAX_CHUNKS], previous = 0;
    dred_payload payload;

    for (int q0 = 0; q0 < 16; q0++) {
        for (int amplitude = 0; amplitude < 6; amplitude++) {
            dred_payload_header header = {q0, q0 % 8, 15, 10};
            fill(latents, DRED_MAX_CHUNKS * DRED_LATENT_DIM, 3.0f * (float)amplitude,
                 7u + (unsigned)q0);
            fill(state, DRED_STATE_DIM, 4.0f * (float)amplitude, 99);
            previous = 0;
            for (int capacity = 0; capacity < 700; capacity += 7) {
                int size =
                    dred_payload_encode(NULL, &header, latents, state, 26, bytes, capacity, bits);
                int found, sum = 0;
                if (size == DRED_ERR_NODATA)
                    continue;
                CHECK(size > 0 && size <= capacity);
                found = dred_payload_decode(NULL, bytes, size, 26, &payload);
                CHECK(found >= 1 && found >= previous);
                previous = found;
                CHECK(memcmp(bits, payload.bits, (2 + (size_t)found) * sizeof *bits) == 0);
                for (int i = found; i < 26; i++)
                    CHECK(bits[2 + i] == -1);
                for (int i = 0; i < 2 + found; i++)
                    sum += bits[i];
                CHECK((sum + 7) / 8 == size);
                for (int c = 0; c < found; c++) {
                    quant_tables tables = quant_tables_of(opus, PROFILE_LATENT, payload.level[c]);
                    int32_t symbols[DRED_LATENT_DIM];
                    quant_quantise(&tables, latents + DRED_LATENT_DIM * c, symbols);
                    CHECK(memcmp(symbols, payload.symbols + 50 + 25 * c, sizeof symbols) == 0);
                    CHECK(payload.latents[26 * c + 25] == (float)payload.level[c] / 8.0f - 1.0f);
                }
            }
        }
    }
}

/* At level 15 silent vectors cost a bit or two: the last ones would be lost. */
static void test_end_rule(void) {
    int32_t symbols[DRED_STATE_DIM + DRED_MAX_CHUNKS * DRED_LATENT_DIM] = {0};
    dred_payload_header header = {15, 0, 15, 10};
    unsigned char exact[64], cut[64];
    dred_payload payload;
    int hidden = 0;
    for (int n = 1; n <= DRED_MAX_CHUNKS; n++) {
        int exact_size =
            payload_write_symbols(opus, &header, symbols, n, PAYLOAD_EXACT, exact, 64, NULL);
        int size =
            payload_write_symbols(opus, &header, symbols, n, PAYLOAD_DECODABLE, cut, 64, NULL);
        int found = dred_payload_decode(NULL, exact, exact_size, 26, &payload);
        CHECK(found <= n);
        hidden += found < n;
        if (found == 0) {
            CHECK(size == DRED_ERR_NODATA);
            continue;
        }
        CHECK(dred_payload_decode(NULL, cut, size, 26, &payload) == found);
    }
    CHECK(hidden > 0); /* the case is really met */
}

static void test_hostile(void) {
    unsigned char bytes[600];
    dred_payload payload;
    uint32_t seed = 1;
    for (int value = 0; value < 256; value++) {
        memset(bytes, value, sizeof bytes);
        for (int size = 0; size < 600; size += 37) {
            int found = dred_payload_decode(NULL, bytes, size, 26, &payload);
            CHECK(found >= 0 && found <= 26 && found == payload.chunks);
        }
    }
    for (int round = 0; round < 2000; round++) {
        int size = round % 100, found;
        for (int i = 0; i < size; i++)
            bytes[i] = (unsigned char)(int)(128.0f + 127.0f * noise(&seed));
        found = dred_payload_decode(NULL, bytes, size, round % 27, &payload);
        CHECK(found >= 0 && found <= round % 27);
        for (int i = 0; i < 50 + 25 * 26; i++)
            if (payload.symbols[i] > LAPLACE_LIMIT || payload.symbols[i] < -LAPLACE_LIMIT)
                CHECK(0);
    }
    CHECK(dred_payload_decode(NULL, NULL, 3, 1, &payload) == DRED_ERR_ARGUMENT);
    CHECK(dred_payload_decode(NULL, bytes, -1, 1, &payload) == DRED_ERR_ARGUMENT);
    CHECK(dred_payload_decode(NULL, bytes, 3, 27, &payload) == DRED_ERR_ARGUMENT);
}

/* Symbols kept from packet to packet change no byte, also when the levels change. */
static void test_kept_symbols(void) {
    enum { LATENTS = 40, CHUNKS = 10, CAPACITY = 400 };
    static float latents[LATENTS][DRED_LATENT_DIM], state[DRED_STATE_DIM];
    static payload_symbols kept[LATENTS];
    fill(latents[0], LATENTS * DRED_LATENT_DIM, 3, 21);
    fill(state, DRED_STATE_DIM, 3, 22);
    for (int i = 0; i < LATENTS; i++)
        kept[i].level = -1;
    for (int newest = CHUNKS; newest < LATENTS; newest++) {
        dred_payload_header header = {newest % 9 == 0 ? 3 : 6, newest % 8, 15, 4};
        payload_vectors plain = {.state = state, .chunks = CHUNKS}, cached = plain;
        unsigned char expected[CAPACITY], bytes[CAPACITY];
        int chunks, cached_chunks = 0;
        for (int i = 0; i < CHUNKS; i++) {
            plain.latents[i] = cached.latents[i] = latents[newest - i];
            cached.kept[i] = &kept[newest - i];
        }
        int size = payload_write_vectors(opus, &header, &plain, expected, CAPACITY, &chunks, NULL);
        CHECK(size > 0 && size == payload_write_vectors(opus, &header, &cached, bytes, CAPACITY,
                                                        &cached_chunks, NULL));
        CHECK(chunks == cached_chunks && memcmp(bytes, expected, (size_t)size) == 0);
    }
}

void test_payload(void);
void test_payload(void) {
    test_levels();
    test_statistics();
    test_quantiser();
    test_headers();
    test_round_trip();
    test_end_rule();
    test_hostile();
    test_kept_symbols();
}
