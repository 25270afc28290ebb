/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Payloads of a sine in noise at several levels, packets of all codes with and without them,
 * receivers that lose some, and weight files of single networks. */
#include "seeds.h"

#include "dred.h"
#include "networks.h"
#include "readers.h"
#include "tests/network_images.h"

#include <math.h>
#include <string.h>

enum { FRAME = 2 * DRED_STEP, FRAMES = 60, ROOM = 2000, SPARSE = 64 };

/* Frames of 20 ms in SILK, hybrid and CELT, of 60 ms and of 10 ms, and areas of extensions with
 * separators, repeats and padding, in a code 3 packet of three frames. */
static const struct {
    const char *bytes;
    int size;
} bare[] = {
#define BARE(text)                                                                                 \
    { text, sizeof(text) - 1 }
    BARE("\x48\xAA\xBB\xCC\xDD"),
    BARE("\x4C\x50\xBB\xCC\xDD"),
    BARE("\x78\x40\x01"),
    BARE("\xF9\x01\x02"),
    BARE("\x58\x10\x22\x33"),
    BARE("\x4A\x01\xAA\xBB\xCC"),
    BARE("\x4B\x82\x01\xAA\xBB\xCC"),
    BARE("\x4B\x41\x02\xAA\xBB\x00\x00"),
    BARE("\xF3\x43\x0E\x55\x55\x55\x51\x02\xA0\xA1\x0F\xB0\x04\x01\xA2\xB1\xA3\xA4\xA5\xB2"),
    BARE("\xF3\x43\x0A\x55\x55\x55\x01\x0F\xB0\x03\x00\x04\xB1\xB2\x0B\xDD"),
    BARE("\xF3\x42\x08\x55\x55\x0F\xB0\x05\xB1\x07\xC0\x05\xC1"),
    BARE("\xF3\x44\x0D\x55\x55\x55\x55\x06\x02\xFD\x05\x44\x0C\x01\x02\x03\x03\x02\x50\x01"),
};

static void add_packet(corpus *kept, const void *packet, int size) {
    /* Twice is enough for one description out of two. */
    uint8_t stream[2 * ROOM + 20];
    size_t at = 0;
    corpus_add(&kept[PACKET], packet, (size_t)size);
    for (int twice = 0; twice < 2; twice++) {
        stream[at++] = STREAM_PLAY;
        stream[at++] = 2;
        stream[at++] = STREAM_PACKET;
        stream[at++] = (uint8_t)(size >> 8);
        stream[at++] = (uint8_t)size;
        memcpy(stream + at, packet, (size_t)size);
        at += (size_t)size;
        stream[at++] = STREAM_LOSE;
        stream[at++] = 3;
    }
    stream[at++] = STREAM_REWIND;
    stream[at++] = 16;
    stream[at++] = STREAM_LOSE;
    stream[at++] = 1;
    corpus_add(&kept[STREAM], stream, at);
}

static void add_payload(corpus *kept, dred_encoder *encoder, int n) {
    dred_encode_request request = {.header = {n % 13, n % 8, 15, 0},
                                   .max_chunks = 1 + n % DRED_MAX_CHUNKS,
                                   .capacity = 100 + 40 * (n % 20),
                                   .packet_start = (int64_t)n * FRAME};
    dred_encode_result result;
    unsigned char payload[ROOM], packet[ROOM];
    int bytes = dred_encoder_payload(encoder, &request, payload, &result);
    if (bytes < 0)
        return;
    corpus_add(&kept[PAYLOAD], payload, (size_t)bytes);
    int regular = n % (int)(sizeof bare / sizeof *bare);
    int size = dred_packet_attach((const unsigned char *)bare[regular].bytes, bare[regular].size,
                                  DRED_EXTENSION_VERSION, payload, bytes, packet, ROOM);
    REQUIRE(size > 0);
    add_packet(kept, packet, size);
}

static void image_own_coder(image_builder *image) {
    image_profile(image, DRED_OWN_VERSIONS);
    image_encoder(image);
}

static void add_network(corpus *kept, void (*put)(image_builder *)) {
    image_builder image = {.seed = 1, .one_in = SPARSE};
    put(&image);
    corpus_add(&kept[MODEL], image.bytes, image.size);
    free(image.bytes);
}

void add_seeds(corpus *kept) {
    dred_encoder *encoder = dred_encoder_create(fuzz_networks(), NULL);
    image_builder random = {.seed = 2};
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        add_packet(kept, bare[i].bytes, bare[i].size);
    for (int n = 0; n < FRAMES; n++) {
        float pcm[FRAME];
        for (int i = 0; i < FRAME; i++)
            pcm[i] = 0.3f * sinf(0.06f * (float)(n * FRAME + i)) + 0.05f * image_uniform(&random);
        dred_encoder_push(encoder, pcm, FRAME);
        add_payload(kept, encoder, n);
    }
    dred_encoder_destroy(encoder);
    add_network(kept, image_pitch);
    add_network(kept, image_encoder);
    add_network(kept, image_decoder);
    add_network(kept, image_plc);
    add_network(kept, image_fargan);
    add_network(kept, image_own_coder);
}
