/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Writing Opus packets again with other padding extensions; the frames are copied, never read.
 *
 * Canonical form: codes 0 to 2 where there is no padding and they can express the frames, else
 * code 3; extensions in the order of frames, the last one without length where it is long; no
 * repeats. */
#include <string.h>

#include "packet.h"

enum {
    FIRST_ID = 3,
    FIRST_LONG_ID = 32,
    LAST_ID = 127,
    MAX_KEPT = 256,     /* extensions of a packet that attach can keep               */
    MAX_PAYLOAD = 4096, /* bytes of DRED payload it takes: what the encoder can write */
    CODE3_HEADER = 2    /* TOC and count                                              */
};

/* Bytes that go to `out`, or are merely counted where that is NULL. */
typedef struct byte_sink {
    unsigned char *out;
    int count;
} byte_sink;

static void put(byte_sink *sink, int byte) {
    if (sink->out)
        sink->out[sink->count] = (unsigned char)byte;
    sink->count++;
}

static void put_bytes(byte_sink *sink, const unsigned char *data, int size) {
    if (sink->out && size > 0)
        memcpy(sink->out + sink->count, data, (size_t)size);
    sink->count += size;
}

static void put_extension(byte_sink *sink, const dred_extension *extension, int is_last) {
    int flag = extension->id < FIRST_LONG_ID ? extension->size : !is_last;
    put(sink, extension->id << 1 | flag);
    if (extension->id >= FIRST_LONG_ID && !is_last) {
        int length = extension->size;
        for (; length >= 255; length -= 255)
            put(sink, 255);
        put(sink, length);
    }
    put_bytes(sink, extension->data, extension->size);
}

static void put_area(byte_sink *sink, const dred_extension *extensions, int count, int frames) {
    int written = 0, previous = 0;
    for (int frame = 0; frame < frames && written < count; frame++) {
        for (int i = 0; i < count; i++) {
            if (extensions[i].frame != frame)
                continue;
            if (frame == previous + 1) {
                put(sink, 0x02);
            } else if (frame > previous) {
                put(sink, 0x03);
                put(sink, frame - previous);
            }
            previous = frame;
            put_extension(sink, &extensions[i], ++written == count);
        }
    }
}

static int area_size(const dred_extension *extensions, int count, int frames) {
    byte_sink counter = {0};
    put_area(&counter, extensions, count, frames);
    return counter.count;
}

/* Sizes are bounded so that no sum of a list can overflow an int. */
static int list_is_valid(const dred_extension *extensions, int count, int frames) {
    int64_t total = 0;
    for (int i = 0; i < count; i++) {
        const dred_extension *e = &extensions[i];
        if (e->id < FIRST_ID || e->id > LAST_ID || e->frame < 0 || e->frame >= frames ||
            e->size < 0 || (e->size > 0 && !e->data) || (e->id < FIRST_LONG_ID && e->size > 1))
            return 0;
        total += (int64_t)e->size + 8;
    }
    return total <= INT32_MAX / 4;
}

static void put_frame_length(byte_sink *sink, int length) {
    int first = length < 252 ? length : 252 + (length & 3);
    put(sink, first);
    if (length >= 252)
        put(sink, (length - first) / 4);
}

static int is_cbr(const dred_packet_info *info) {
    for (int i = 1; i < info->frame_count; i++)
        if (info->frame_size[i] != info->frame_size[0])
            return 0;
    return 1;
}

static void put_lengths(byte_sink *sink, const dred_packet_info *info) {
    for (int i = 0; i < info->frame_count - 1 && !is_cbr(info); i++)
        put_frame_length(sink, info->frame_size[i]);
}

static void put_frames(byte_sink *sink, const dred_packet_info *info, const unsigned char *packet) {
    for (int i = 0; i < info->frame_count; i++)
        put_bytes(sink, packet + info->frame_offset[i], info->frame_size[i]);
}

/* The smallest packet code without padding. */
static int plain_code(const dred_packet_info *info) {
    if (info->frame_count > 2)
        return 3;
    return info->frame_count == 1 ? 0 : is_cbr(info) ? 1 : 2;
}

/* Size in code 3 without padding. */
static int code3_size(const dred_packet_info *info, const unsigned char *packet) {
    byte_sink counter = {.count = CODE3_HEADER};
    put_lengths(&counter, info);
    put_frames(&counter, info, packet);
    return counter.count;
}

/* Bytes of padding together with its length field. */
static int padding_cost(int padding) {
    return padding > 0 ? padding + (padding + 253) / 254 : 0;
}

static void put_plain(byte_sink *sink, const dred_packet_info *info, const unsigned char *packet,
                      int code) {
    put(sink, (info->toc & ~3) | code);
    if (code == 3)
        put(sink, (is_cbr(info) ? 0 : 0x80) | info->frame_count);
    put_lengths(sink, info);
    put_frames(sink, info, packet);
}

/* Code 3 with padding that costs `cost` bytes in all, length field included. A cost of c is k
 * bytes of 255 and one of b with 255 k + b + 1 = c: any cost from 1 can be had. */
static void put_padded(byte_sink *sink, const dred_packet_info *info, const unsigned char *packet,
                       const dred_extension *extensions, int count, int cost) {
    int wraps = (cost - 1) / 255, rest = (cost - 1) % 255;
    int filling = 254 * wraps + rest - area_size(extensions, count, info->frame_count);

    put(sink, info->toc | 3);
    put(sink, (is_cbr(info) ? 0 : 0x80) | 0x40 | info->frame_count);
    for (int i = 0; i < wraps; i++)
        put(sink, 255);
    put(sink, rest);
    put_lengths(sink, info);
    put_frames(sink, info, packet);
    /* In front of extensions one-byte padding, as the last one reaches to the end; RFC 6716 asks
     * for zeros where there is nothing but padding. */
    for (int i = 0; i < filling; i++)
        put(sink, count > 0 ? 0x01 : 0x00);
    put_area(sink, extensions, count, info->frame_count);
}

/* Size of the packet with these extensions, in the form that write_packet chooses. */
static int plain_size(const dred_packet_info *info, const unsigned char *packet) {
    return code3_size(info, packet) - (plain_code(info) < 3);
}

static int natural_size(const dred_packet_info *info, const unsigned char *packet,
                        const dred_extension *extensions, int count) {
    if (count == 0)
        return plain_size(info, packet);
    return code3_size(info, packet) + padding_cost(area_size(extensions, count, info->frame_count));
}

/* Whether one of these bytes is one of those: frames are copied while the output is written. */
static int overlap(const unsigned char *a, int a_size, const unsigned char *b, int b_size) {
    uintptr_t a_start = (uintptr_t)a, b_start = (uintptr_t)b;
    return a_start < b_start + (unsigned)b_size && b_start < a_start + (unsigned)a_size;
}

int dred_packet_build(const unsigned char *packet, int size, const dred_extension *extensions,
                      int count, unsigned char *out, int capacity, int pad_to) {
    dred_packet_info info;
    byte_sink sink = {.out = out};
    int natural, code3, error = dred_packet_parse(packet, size, &info);

    if (error < 0)
        return error;
    if (count < 0 || (count > 0 && !extensions) || !out || capacity < 0 || pad_to < 0 ||
        overlap(packet, size, out, capacity) ||
        !list_is_valid(extensions, count, info.frame_count))
        return DRED_ERR_ARGUMENT;
    natural = natural_size(&info, packet, extensions, count);
    code3 = code3_size(&info, packet);
    if (pad_to == 0)
        pad_to = natural;
    if (pad_to < natural || pad_to > capacity)
        return DRED_ERR_SPACE;
    if (count == 0 && pad_to == natural)
        put_plain(&sink, &info, packet, plain_code(&info));
    else if (pad_to == code3)
        put_plain(&sink, &info, packet, 3);
    else
        put_padded(&sink, &info, packet, extensions, count, pad_to - code3);
    return sink.count;
}

/* The extensions of a packet, leaving out DRED of this version.
 * @return how many, or a dred_error */
static int list_others(const unsigned char *packet, const dred_packet_info *info, int version,
                       dred_extension kept[MAX_KEPT]) {
    extension_iterator it;
    dred_extension extension;
    int count = 0;
    extension_iterator_init(&it, packet + info->padding_offset, info->padding_size,
                            info->frame_count);
    while (extension_iterator_next(&it, &extension)) {
        if (extension_is_dred(&extension, version))
            continue;
        if (count == MAX_KEPT)
            return DRED_ERR_PACKET;
        kept[count++] = extension;
    }
    return count;
}

static int version_is_valid(int version) {
    return version >= 0 && version <= 255;
}

int dred_packet_cost(const unsigned char *packet, int size, int version, int extension_bytes) {
    dred_extension list[MAX_KEPT + 1];
    dred_packet_info info;
    int count, before, error = dred_packet_parse(packet, size, &info);

    if (error < 0)
        return error;
    if (!version_is_valid(version) || extension_bytes < 0 || extension_bytes > INT32_MAX / 8)
        return DRED_ERR_ARGUMENT;
    count = list_others(packet, &info, version, list);
    if (count < 0)
        return count;
    /* Against the packet without padding, so that the answer is never negative. No data is needed
     * to count bytes. */
    before = natural_size(&info, packet, list, count);
    list[count++] = (dred_extension){.id = DRED_EXTENSION_ID, .size = extension_bytes};
    return natural_size(&info, packet, list, count) - before;
}

int dred_packet_attach(const unsigned char *packet, int size, int version,
                       const unsigned char *payload, int payload_size, unsigned char *out,
                       int capacity) {
    dred_extension list[MAX_KEPT + 1];
    unsigned char data[DRED_EXTENSION_PREFIX + MAX_PAYLOAD] = {'D', (unsigned char)version};
    dred_packet_info info;
    int count, error = dred_packet_parse(packet, size, &info);

    if (error < 0)
        return error;
    if (!version_is_valid(version) || !payload || payload_size < 1 || payload_size > MAX_PAYLOAD)
        return DRED_ERR_ARGUMENT;
    count = list_others(packet, &info, version, list);
    if (count < 0)
        return count;
    memcpy(data + DRED_EXTENSION_PREFIX, payload, (size_t)payload_size);
    list[count++] = (dred_extension){
        .id = DRED_EXTENSION_ID, .size = DRED_EXTENSION_PREFIX + payload_size, .data = data};
    return dred_packet_build(packet, size, list, count, out, capacity, 0);
}
