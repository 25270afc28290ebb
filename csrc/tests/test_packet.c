/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Opus packets and padding extensions against the examples of the specification, and against
 * themselves. */
#include <string.h>

#include "check.h"
#include "dred.h"

enum { OPUS = DRED_EXTENSION_VERSION };

#define P_HEX       "\x44\x0C\x01\x02\x03\x04\x05\x06\x07\x08"
#define BYTES(text) (const unsigned char *)(text), (int)sizeof(text) - 1

static const unsigned char plain[5] = {0x48, 0xAA, 0xBB, 0xCC, 0xDD}; /* SILK WB, 20 ms, mono */

/* A code 3 packet of `frames` 10 ms CELT frames of one byte each, with this area. */
static int wrap(unsigned char *out, int frames, const char *area, int size) {
    out[0] = 0xF3;
    out[1] = (unsigned char)(0x40 | frames);
    out[2] = (unsigned char)size; /* below 255 in all uses */
    memset(out + 3, 0x55, (size_t)frames);
    memcpy(out + 3 + frames, area, (size_t)size);
    return 3 + frames + size;
}

static int is_extension(const dred_extension *e, int id, int frame, const char *data, int size) {
    return e->id == id && e->frame == frame && e->size == size &&
           memcmp(e->data, data, (size_t)size) == 0;
}

static void test_toc(void) {
    static const int units[32] = {4, 8, 16, 24, 4, 8, 16, 24, 4, 8, 16, 24, 4, 8, 4, 8,
                                  1, 2, 4,  8,  1, 2, 4,  8,  1, 2, 4,  8,  1, 2, 4, 8};
    dred_packet_info info;
    for (int config = 0; config < 32; config++) {
        unsigned char packet[3] = {(unsigned char)(config << 3), 1, 2};
        CHECK(dred_packet_parse(packet, 3, &info) == DRED_OK);
        CHECK(info.frame_units == units[config] && info.frame_count == 1);
        CHECK(info.frame_size[0] == 2 && info.frame_offset[0] == 1);
    }
}

static void check_frames(const unsigned char *packet, int size, int count, int first, int last) {
    dred_packet_info info;
    CHECK(dred_packet_parse(packet, size, &info) == DRED_OK);
    CHECK(info.frame_count == count);
    CHECK(dred_packet_units(packet, size) == 8 * count); /* all of them with frames of 20 ms */
    CHECK(info.frame_size[0] == first && info.frame_size[count - 1] == last);
}

static void test_codes(void) {
    static unsigned char big[1300] = {0x48};
    dred_packet_info info;
    check_frames(BYTES("\x48"), 1, 0, 0);
    check_frames(BYTES("\x49"), 2, 0, 0);
    check_frames(BYTES("\x49\x01\x02"), 2, 1, 1);
    check_frames(BYTES("\x4A\x01\xAA\xBB\xCC"), 2, 1, 2);
    check_frames(BYTES("\x4A\x00"), 2, 0, 0);
    check_frames(BYTES("\x4B\x02\xAA\xBB\xCC\xDD"), 2, 2, 2);
    check_frames(BYTES("\x4B\x82\x01\xAA\xBB\xCC"), 2, 1, 2);
    check_frames(BYTES("\x4B\x41\x02\xAA\xBB\x00\x00"), 1, 2, 2);
    check_frames(BYTES("\x4B\x41\x00\xAA"), 1, 1, 1);
    check_frames(big, 1276, 1, 1275, 1275);
    CHECK(dred_packet_units(big, 1277) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(big, 1277, &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES(""), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x49\x01"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4A"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4A\x02\x01"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4A\xFC"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4B"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4B\x00"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4B\x07"), &info) == DRED_ERR_PACKET); /* 140 ms */
    CHECK(dred_packet_parse(BYTES("\x4B\x02\x01"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4B\x41"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4B\x41\x05\x00"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(BYTES("\x4B\x41\xFF\xFF\xFF"), &info) == DRED_ERR_PACKET);
    CHECK(dred_packet_parse(NULL, 4, &info) == DRED_ERR_ARGUMENT);
}

static void test_padding_length(void) {
    unsigned char packet[1000] = {0x4B, 0x41, 0xFF, 0x2F}; /* 254 + 47, not 255 + 47 */
    dred_packet_info info;
    CHECK(dred_packet_parse(packet, 4 + 5 + 301, &info) == DRED_OK);
    CHECK(info.padding_size == 301 && info.frame_size[0] == 5);
    CHECK(info.padding_offset == 9);
}

/* The table of hand-made areas, both directions where the canonical writer gives the same. */
static void test_examples(void) {
    unsigned char packet[64];
    dred_extension e[8];
    int valid, size;

    size = wrap(packet, 1, "\xFC" P_HEX, 11);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 1 && valid);
    CHECK(is_extension(&e[0], 126, 0, P_HEX, 10));

    size = wrap(packet, 1, "\xFD\x0A" P_HEX "\x0B\x77\x42\x01\x02\x03", 18);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 3 && valid);
    CHECK(is_extension(&e[0], 126, 0, P_HEX, 10));
    CHECK(is_extension(&e[1], 5, 0, "\x77", 1));
    CHECK(is_extension(&e[2], 33, 0, "\x01\x02\x03", 3));

    size = wrap(packet, 4, "\x06\x02\xFD\x0A" P_HEX "\x03\x02\x50\x01\x02", 19);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 3 && valid);
    CHECK(is_extension(&e[0], 3, 0, "", 0));
    CHECK(is_extension(&e[1], 126, 1, P_HEX, 10));
    CHECK(is_extension(&e[2], 40, 3, "\x01\x02", 2));

    size = wrap(packet, 3, "\x51\x02\xA0\xA1\x0F\xB0\x04\x01\xA2\xB1\xA3\xA4\xA5\xB2", 14);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 6 && valid);
    CHECK(is_extension(&e[0], 40, 0, "\xA0\xA1", 2));
    CHECK(is_extension(&e[1], 7, 0, "\xB0", 1));
    CHECK(is_extension(&e[2], 40, 1, "\xA2", 1));
    CHECK(is_extension(&e[3], 7, 1, "\xB1", 1));
    CHECK(is_extension(&e[4], 40, 2, "\xA3\xA4\xA5", 3));
    CHECK(is_extension(&e[5], 7, 2, "\xB2", 1));
    CHECK(dred_packet_extensions(packet, size, e, 2, NULL) == 6); /* counts beyond capacity */
}

static void test_repeats(void) {
    unsigned char packet[64];
    dred_extension e[8];
    int valid, size;

    /* With a length flag the frame stays, and the set is empty afterwards. */
    size = wrap(packet, 2, "\x0F\xB0\x05\xB1\x07\xC0\x05\xC1", 8);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 4 && valid);
    CHECK(is_extension(&e[1], 7, 1, "\xB1", 1));
    CHECK(is_extension(&e[2], 3, 0, "\xC0", 1) && is_extension(&e[3], 3, 1, "\xC1", 1));

    /* Without, the next frame follows; padding and empty separators are not repeated. */
    size = wrap(packet, 3, "\x01\x0F\xB0\x03\x00\x04\xB1\xB2\x0B\xDD", 10);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 4 && valid);
    CHECK(is_extension(&e[2], 7, 2, "\xB2", 1) && is_extension(&e[3], 5, 1, "\xDD", 1));

    /* In the last frame nothing is repeated and the rest is ignored. */
    size = wrap(packet, 1, "\x0F\xB0\x04\x02\x02", 5);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 1 && valid);

    /* Too short for what is repeated. */
    size = wrap(packet, 3, "\x0F\xB0\x04\xB1", 4);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 2 && !valid);
    size = wrap(packet, 2, "\x51\x01\xA0\x0F\xB0\x04", 6);
    CHECK(dred_packet_extensions(packet, size, e, 8, &valid) == 2 && !valid);
}

static void test_errors(void) {
    static const struct {
        const char *area;
        int size, found;
    } areas[] = {
        {"\x0B\x77\x51\x05\x01", 5, 1}, /* data beyond the area         */
        {"\x0B\x77\x51", 3, 1},         /* no length                    */
        {"\x0B\x77\x51\xFF", 4, 1},     /* unfinished length            */
        {"\x0B\x77\x0B", 3, 1},         /* short extension without data */
        {"\x0B\x77\x03", 3, 1},         /* no increment                 */
        {"\x0B\x77\x02\x02\x06", 5, 1}, /* beyond the last frame        */
        {"\x0B\x77\x03\x02\x06", 5, 1},
    };
    unsigned char packet[64];
    dred_extension e[4];
    for (size_t i = 0; i < sizeof areas / sizeof *areas; i++) {
        int valid, size = wrap(packet, 2, areas[i].area, areas[i].size);
        CHECK(dred_packet_extensions(packet, size, e, 4, &valid) == areas[i].found);
        CHECK(!valid);
        CHECK(is_extension(&e[0], 5, 0, "\x77", 1));
    }
}

static void test_whole_packets(void) {
    unsigned char out[400], payload[300];
    dred_extension e = {126, 0, 0, 10, (const unsigned char *)P_HEX};

    CHECK(dred_packet_attach(plain, 5, OPUS, (const unsigned char *)P_HEX + 2, 8, out, 400) == 18);
    CHECK(memcmp(out, "\x4B\x41\x0B\xAA\xBB\xCC\xDD\xFC" P_HEX, 18) == 0);
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 400, 30) == 30);
    CHECK(memcmp(out,
                 "\x4B\x41\x17\xAA\xBB\xCC\xDD"
                 "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\xFC" P_HEX,
                 30) == 0);
    memset(payload, 7, sizeof payload);
    e.size = 300;
    e.data = payload;
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 400, 0) == 309);
    CHECK(memcmp(out, "\x4B\x41\xFF\x2F\xAA\xBB\xCC\xDD\xFC\x07", 10) == 0);
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 308, 0) == DRED_ERR_SPACE);
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 400, 308) == DRED_ERR_SPACE);
}

/* Any size from the natural one can be had, and what is read back is what was written. */
static void test_exact_sizes(void) {
    static const unsigned char pair[4] = {0x4A, 1, 0xAA, 0xBB};
    unsigned char out[1200], back[1200];
    dred_packet_info info;
    dred_extension e[2] = {{33, 0, 0, 2, (const unsigned char *)"xy"},
                           {4, 0, 0, 1, (const unsigned char *)"z"}};
    dred_extension read[4];
    for (int count = 0; count <= 2; count++) {
        int natural = dred_packet_build(pair, 4, e, count, out, 1200, 0), valid;
        for (int size = natural; size <= 1200; size++) {
            CHECK(dred_packet_build(pair, 4, e, count, out, 1200, size) == size);
            CHECK(dred_packet_parse(out, size, &info) == DRED_OK);
            CHECK(info.frame_count == 2 && info.frame_size[0] == 1 && info.frame_size[1] == 1);
            CHECK(out[info.frame_offset[0]] == 0xAA && out[info.frame_offset[1]] == 0xBB);
            CHECK(dred_packet_extensions(out, size, read, 4, &valid) == count && valid);
            for (int i = 0; i < count; i++)
                CHECK(is_extension(&read[i], e[i].id, 0, (const char *)e[i].data, e[i].size));
            CHECK(dred_packet_build(out, size, NULL, 0, back, 1200, 0) == 3);
            CHECK(memcmp(back, "\x49\xAA\xBB", 3) == 0); /* equal frames: code 1 is smallest */
        }
    }
}

static void test_find_and_attach(void) {
    unsigned char packet[64], out[128];
    dred_extension e[8];
    int offset, bytes, frame, valid, size;

    CHECK(dred_packet_find(plain, 5, OPUS, &offset, &bytes, &frame) == DRED_ERR_NODATA);
    CHECK(dred_packet_find(BYTES("\x4B"), OPUS, &offset, &bytes, &frame) == DRED_ERR_PACKET);
    /* Wrong version, nothing behind the prefix, then one that counts, in frame 1 (10 ms). */
    size = wrap(packet, 2, "\xFD\x03\x44\x0B\x01\xFD\x02\x44\x0C\x02\xFC" P_HEX, 21);
    CHECK(dred_packet_find(packet, size, OPUS, &offset, &bytes, &frame) == DRED_OK);
    CHECK(bytes == 8 && frame == 4 && packet[offset] == 1);
    /* It is replaced, the others stay. */
    size = dred_packet_attach(packet, size, OPUS, (const unsigned char *)"new", 3, out, 128);
    CHECK(dred_packet_extensions(out, size, e, 8, &valid) == 3 && valid);
    CHECK(is_extension(&e[0], 126, 0, "\x44\x0B\x01", 3));
    CHECK(is_extension(&e[1], 126, 0, "\x44\x0C", 2));
    CHECK(is_extension(&e[2], 126, 0, "\x44\x0Cnew", 5));

    for (int n = 0; n < 1000; n++) {
        static unsigned char data[1000], big[1200];
        if (n > 0)
            CHECK(dred_packet_attach(plain, 5, OPUS, data, n, big, 1200) ==
                  5 + dred_packet_cost(plain, 5, OPUS, n + 2));
    }
}

static void test_lbrr(void) {
    CHECK(dred_packet_has_lbrr(BYTES("\x48\x40")) == 1); /* 20 ms: behind one activity flag  */
    CHECK(dred_packet_has_lbrr(BYTES("\x48\xBF")) == 0);
    CHECK(dred_packet_has_lbrr(BYTES("\x40\x40")) == 1); /* 10 ms                            */
    CHECK(dred_packet_has_lbrr(BYTES("\x50\x20")) == 1); /* 40 ms: behind two                */
    CHECK(dred_packet_has_lbrr(BYTES("\x58\x10")) == 1); /* 60 ms: behind three              */
    CHECK(dred_packet_has_lbrr(BYTES("\x4C\x10")) == 1); /* side channel                     */
    CHECK(dred_packet_has_lbrr(BYTES("\x5C\x01")) == 1);
    CHECK(dred_packet_has_lbrr(BYTES("\x48\x10")) == 0);
    CHECK(dred_packet_has_lbrr(BYTES("\x78\x40")) == 1); /* hybrid                           */
    CHECK(dred_packet_has_lbrr(BYTES("\xF8\xFF")) == 0); /* CELT                             */
    CHECK(dred_packet_has_lbrr(BYTES("\x48")) == 0);     /* not transmitted                  */
    CHECK(dred_packet_has_lbrr(BYTES("\x4B")) == DRED_ERR_PACKET);
}

static void test_arguments(void) {
    unsigned char out[64];
    dred_extension e = {2, 0, 0, 0, NULL};
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 64, 0) == DRED_ERR_ARGUMENT);
    e.id = 128;
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 64, 0) == DRED_ERR_ARGUMENT);
    e.id = 40;
    e.frame = 1;
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 64, 0) == DRED_ERR_ARGUMENT);
    e.frame = 0;
    e.size = 1;
    CHECK(dred_packet_build(plain, 5, &e, 1, out, 64, 0) == DRED_ERR_ARGUMENT);
    CHECK(dred_packet_build(plain, 5, NULL, 1, out, 64, 0) == DRED_ERR_ARGUMENT);
    CHECK(dred_packet_attach(plain, 5, OPUS, out, 0, out, 64) == DRED_ERR_ARGUMENT);
    CHECK(dred_packet_cost(plain, 5, OPUS, -1) == DRED_ERR_ARGUMENT);
}

void test_packet(void);
void test_packet(void) {
    test_toc();
    test_codes();
    test_padding_length();
    test_examples();
    test_repeats();
    test_errors();
    test_whole_packets();
    test_exact_sizes();
    test_find_and_attach();
    test_lbrr();
    test_arguments();
}
