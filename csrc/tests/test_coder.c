/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Range coder and Laplace coding against the vectors printed in the specification. */
#include <string.h>

#include "check.h"
#include "coder/laplace.h"
#include "coder/range_coder.h"

static int same_bytes(const unsigned char *bytes, int size, const char *expected,
                      int expected_size) {
    return size == expected_size && memcmp(bytes, expected, (size_t)size) == 0;
}

/* One value. */
static void put(range_encoder *encoder, int32_t value, uint8_t p0, uint8_t decay) {
    laplace_model model = {1, &p0, &decay};
    laplace_encode(encoder, &model, &value);
}

static int get(range_decoder *decoder, uint8_t p0, uint8_t decay, int32_t *value) {
    laplace_model model = {1, &p0, &decay};
    return laplace_decode(decoder, &model, value);
}

static void test_empty_stream(void) {
    unsigned char bytes[8];
    range_encoder encoder;
    range_encoder_init(&encoder, bytes, 8);
    CHECK(range_encoder_tell(&encoder) == 1);
    CHECK(same_bytes(bytes, range_encoder_finish(&encoder), "\x00", 1));
}

static void test_header_vectors(void) {
    unsigned char bytes[16];
    range_encoder encoder;
    range_decoder decoder;

    range_encoder_init(&encoder, bytes, 16);
    range_encode_uint(&encoder, 6, 16);
    CHECK(range_encoder_tell(&encoder) == 5);
    range_encode_uint(&encoder, 5, 8);
    CHECK(range_encoder_tell(&encoder) == 8);
    range_encode_uint(&encoder, 0, 2);
    range_encode_uint(&encoder, 6, 32);
    CHECK(range_encoder_tell(&encoder) == 14);
    range_encode(&encoder, 0, 8, 16);
    CHECK(range_encoder_tell(&encoder) == 15);
    CHECK(same_bytes(bytes, range_encoder_finish(&encoder), "\x6A\x30", 2));

    range_encoder_init(&encoder, bytes, 16);
    range_encode_uint(&encoder, 4, 16);
    range_encode_uint(&encoder, 3, 8);
    range_encode_uint(&encoder, 1, 2);
    range_encode_uint(&encoder, 4, 256);
    range_encode_uint(&encoder, 14, 32);
    range_encode(&encoder, 14, 15, 20);
    CHECK(range_encoder_tell(&encoder) == 27);
    CHECK(same_bytes(bytes, range_encoder_finish(&encoder), "\x47\x04\x75\xC0", 4));

    range_decoder_init(&decoder, bytes, 4);
    CHECK(range_decode_uint(&decoder, 16) == 4);
    CHECK(range_decode_uint(&decoder, 8) == 3);
    CHECK(range_decode_uint(&decoder, 2) == 1);
    CHECK(range_decode_uint(&decoder, 256) == 4);
    CHECK(range_decode_uint(&decoder, 32) == 14);
    CHECK(range_decode_position(&decoder, 20) == 14);
    range_decode_update(&decoder, 14, 15, 20);
    CHECK(range_decoder_tell(&decoder) == 27);
}

static void check_laplace(const int *values, int count, uint8_t p0, uint8_t decay, const int *tells,
                          const char *expected, int expected_size) {
    unsigned char bytes[64];
    range_encoder encoder;
    range_decoder decoder;
    range_encoder_init(&encoder, bytes, 64);
    for (int i = 0; i < count; i++) {
        put(&encoder, values[i], p0, decay);
        if (tells[i])
            CHECK(range_encoder_tell(&encoder) == tells[i]);
    }
    CHECK(same_bytes(bytes, range_encoder_finish(&encoder), expected, expected_size));
    range_decoder_init(&decoder, bytes, expected_size);
    for (int i = 0; i < count; i++) {
        int32_t value = 99;
        CHECK(get(&decoder, p0, decay, &value) == 0);
        CHECK(value == values[i]);
        if (tells[i])
            CHECK(range_decoder_tell(&decoder) == tells[i]);
    }
}

static void test_laplace_vectors(void) {
    static const int values[12] = {0, 1, -1, 2, -3, 7, 8, -15, 0, 0, 20, -1};
    static const int tells[12] = {4, 6, 9, 12, 17, 24, 32, 45, 47, 50, 67, 69};
    static const int few[2] = {3, -9}, few_tells[2] = {0, 46};
    check_laplace(values, 12, 60, 150, tells, "\x14\xA7\x27\x63\x6F\xEF\x8D\x6F\x90", 9);
    check_laplace(few, 2, 200, 1, few_tells, "\xE3\xFE\xE7\xFF\xFF\xF4", 6);
}

static void test_laplace_extremes(void) {
    static unsigned char bytes[65536];
    static const uint8_t models[4][2] = {{1, 1}, {1, 255}, {254, 1}, {254, 255}};
    for (int m = 0; m < 4; m++) {
        range_encoder encoder;
        range_decoder decoder;
        int value = 0, size;
        range_encoder_init(&encoder, bytes, sizeof bytes);
        put(&encoder, LAPLACE_LIMIT, models[m][0], models[m][1]);
        put(&encoder, -LAPLACE_LIMIT, models[m][0], models[m][1]);
        put(&encoder, 0, models[m][0], models[m][1]);
        size = range_encoder_finish(&encoder);
        CHECK(size > 0);
        range_decoder_init(&decoder, bytes, size);
        CHECK(get(&decoder, models[m][0], models[m][1], &value) == 0);
        CHECK(value == LAPLACE_LIMIT);
        CHECK(get(&decoder, models[m][0], models[m][1], &value) == 0);
        CHECK(value == -LAPLACE_LIMIT);
        CHECK(get(&decoder, models[m][0], models[m][1], &value) == 0);
        CHECK(value == 0);
    }
}

/* A stream of escapes without end is an error, found in bounded time. */
static void test_hostile_escapes(void) {
    unsigned char bytes[4096];
    range_decoder decoder;
    int value = 1;
    memset(bytes, 0xFF, sizeof bytes);
    range_decoder_init(&decoder, bytes, sizeof bytes);
    CHECK(get(&decoder, 1, 255, &value) == -1);
    CHECK(value == 0);
}

static void test_roll_back(void) {
    unsigned char kept[64], plain[64];
    for (int n = 0; n < 40; n++) {
        range_encoder a, b, saved;
        int size;
        range_encoder_init(&a, kept, 64);
        range_encoder_init(&b, plain, 64);
        for (int i = 0; i < n; i++) {
            put(&a, i * 7 % 11 - 5, 90, 160);
            put(&b, i * 7 % 11 - 5, 90, 160);
        }
        saved = a;
        for (int i = 0; i < 30; i++)
            put(&a, 3 - i % 7, 20, 200);
        a = saved;
        size = range_encoder_finish(&b);
        CHECK(range_encoder_finish(&a) == size);
        CHECK(memcmp(kept, plain, (size_t)size) == 0);
    }
}

static void test_overflow(void) {
    unsigned char bytes[5] = {0, 0, 0, 0, 77};
    range_encoder encoder;
    range_encoder_init(&encoder, bytes, 4);
    for (int i = 0; i < 100; i++)
        range_encode_uint(&encoder, 200, 256);
    CHECK(range_encoder_finish(&encoder) == -1);
    CHECK(bytes[4] == 77);
}

void test_coder(void);
void test_coder(void) {
    test_empty_stream();
    test_header_vectors();
    test_laplace_vectors();
    test_laplace_extremes();
    test_hostile_escapes();
    test_roll_back();
    test_overflow();
}
