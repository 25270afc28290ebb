/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Packets: what is parsed lies inside, and what is written again says the same. */
#include "dred.h"
#include "readers.h"

#include <string.h>

enum { EXTENSIONS = 300, OPUS = DRED_EXTENSION_VERSION };

typedef struct parsed {
    const uint8_t *bytes;
    int size;
    dred_packet_info info;
    dred_extension list[EXTENSIONS];
    int count; /* of extensions, also those that the list does not hold */
} parsed;

/* @return 1, or 0 where it is no packet */
static int parse(const uint8_t *bytes, int size, parsed *packet) {
    const dred_packet_info *info = &packet->info;
    int valid, end = 1;
    if (dred_packet_parse(bytes, size, &packet->info) < 0)
        return 0;
    REQUIRE(info->frame_count >= 1 && info->frame_count <= DRED_MAX_FRAMES);
    REQUIRE(dred_packet_units(bytes, size) == info->frame_count * info->frame_units);
    REQUIRE(info->frame_count * info->frame_units <= 48);
    for (int i = 0; i < info->frame_count; i++) {
        REQUIRE(info->frame_size[i] >= 0 && info->frame_size[i] <= DRED_MAX_FRAME_BYTES);
        REQUIRE(info->frame_offset[i] >= end);
        end = info->frame_offset[i] + info->frame_size[i];
    }
    REQUIRE(end <= info->padding_offset && info->padding_offset + info->padding_size == size);
    packet->bytes = bytes;
    packet->size = size;
    packet->count = dred_packet_extensions(bytes, size, packet->list, EXTENSIONS, &valid);
    for (int i = 0; i < packet->count && i < EXTENSIONS; i++) {
        const dred_extension *e = &packet->list[i];
        REQUIRE(e->id >= 3 && e->id <= 127 && e->frame >= 0 && e->frame < info->frame_count);
        REQUIRE(e->size >= 0 && e->offset >= info->padding_offset && e->offset + e->size <= size);
        REQUIRE(e->data == bytes + e->offset);
    }
    return 1;
}

static int is_dred(const dred_extension *e) {
    return e->id == DRED_EXTENSION_ID && e->size > DRED_EXTENSION_PREFIX && e->data[0] == 'D' &&
           e->data[1] == DRED_EXTENSION_VERSION;
}

static void require_same_frames(const parsed *a, const parsed *b) {
    REQUIRE((a->info.toc & ~3) == (b->info.toc & ~3));
    REQUIRE(a->info.frame_count == b->info.frame_count);
    for (int i = 0; i < a->info.frame_count; i++) {
        REQUIRE(a->info.frame_size[i] == b->info.frame_size[i]);
        REQUIRE(memcmp(a->bytes + a->info.frame_offset[i], b->bytes + b->info.frame_offset[i],
                       (size_t)a->info.frame_size[i]) == 0);
    }
}

/* b has the extensions of a in the order of frames. */
static void require_same_extensions(const parsed *a, const parsed *b) {
    int next = 0;
    REQUIRE(a->count == b->count);
    for (int frame = 0; frame < a->info.frame_count; frame++)
        for (int i = 0; i < a->count; i++) {
            const dred_extension *from = &a->list[i], *to = &b->list[next];
            if (from->frame != frame)
                continue;
            REQUIRE(to->id == from->id && to->frame == frame && to->size == from->size);
            REQUIRE(memcmp(to->data, from->data, (size_t)from->size) == 0);
            next++;
        }
}

/* Written with its own extensions, as small as it gets and `more` bytes longer. */
static void rewrite(const parsed *packet, int more) {
    parsed again;
    int capacity = 3 * packet->size + 600;
    uint8_t *out = malloc((size_t)capacity);
    int natural = dred_packet_build(packet->bytes, packet->size, packet->list, packet->count, out,
                                    capacity, 0);
    REQUIRE(natural > 0);
    for (int size = natural; size <= natural + more; size += more > 0 ? more : 1) {
        uint8_t *exact = malloc((size_t)size);
        REQUIRE(dred_packet_build(packet->bytes, packet->size, packet->list, packet->count, exact,
                                  size, size) == size);
        REQUIRE(parse(exact, size, &again));
        require_same_frames(packet, &again);
        require_same_extensions(packet, &again);
        free(exact);
    }
    REQUIRE(dred_packet_build(packet->bytes, packet->size, packet->list, packet->count, out,
                              natural - 1, 0) == DRED_ERR_SPACE);
    free(out);
}

/* A payload put into it is found again, at the cost that was told. */
static void attach(const parsed *packet, int bytes) {
    static const uint8_t payload[1000];
    parsed again;
    int offset, size, frame, others = 0;
    int cost = dred_packet_cost(packet->bytes, packet->size, OPUS, DRED_EXTENSION_PREFIX + bytes);
    int capacity = 3 * packet->size + 2000;
    uint8_t *out = malloc((size_t)capacity);
    int written =
        dred_packet_attach(packet->bytes, packet->size, OPUS, payload, bytes, out, capacity);
    if (written == DRED_ERR_PACKET) { /* only where there are more extensions than it keeps */
        REQUIRE(cost == DRED_ERR_PACKET && packet->count > 256);
        free(out);
        return;
    }
    REQUIRE(written > 0 && cost > 0);
    if (packet->info.padding_size == 0)
        REQUIRE(written <= packet->size + cost);
    uint8_t *exact = malloc((size_t)written);
    REQUIRE(dred_packet_attach(packet->bytes, packet->size, OPUS, payload, bytes, exact, written) ==
            written);
    REQUIRE(parse(exact, written, &again));
    require_same_frames(packet, &again);
    REQUIRE(dred_packet_find(exact, written, OPUS, &offset, &size, &frame) == DRED_OK);
    REQUIRE(size == bytes && frame == 0 && memcmp(exact + offset, payload, (size_t)size) == 0);
    for (int i = 0; i < packet->count && i < EXTENSIONS; i++)
        others += !is_dred(&packet->list[i]);
    REQUIRE(again.count == others + 1);
    free(exact);
    free(out);
}

void read_packet(const uint8_t *data, size_t size) {
    parsed packet;
    int offset, bytes, frame, found, lbrr, number = size > 0 ? data[size - 1] : 0;
    if (!parse(data, (int)size, &packet)) {
        REQUIRE(dred_packet_units(data, (int)size) < 0);
        REQUIRE(dred_packet_cost(data, (int)size, OPUS, 10) < 0);
        return;
    }
    lbrr = dred_packet_has_lbrr(data, (int)size);
    REQUIRE(lbrr == 0 || lbrr == 1);
    found = dred_packet_find(data, (int)size, OPUS, &offset, &bytes, &frame);
    REQUIRE(found == DRED_OK || found == DRED_ERR_NODATA);
    if (found == DRED_OK) {
        REQUIRE(bytes > 0 && offset > packet.info.padding_offset && offset + bytes <= (int)size);
        REQUIRE(frame % packet.info.frame_units == 0);
    }
    if (packet.count <= EXTENSIONS)
        rewrite(&packet, number * 3);
    attach(&packet, 1 + number * 3);
}
