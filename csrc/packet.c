/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Parsing of Opus packets (RFC 6716 section 3) and search in their extensions; knows no codec. */
#include "packet.h"

#include <string.h>

enum { MAX_UNITS = 48 }; /* 120 ms in a packet */

/* Duration of one frame in 2.5 ms (RFC 6716 table 2). */
static int units_of(int toc) {
    static const unsigned char silk[4] = {4, 8, 16, 24};
    int size = (toc >> 3) & 3;
    if (toc & 0x80)
        return 1 << size;
    if ((toc & 0x60) == 0x60)
        return size & 1 ? 8 : 4;
    return silk[size];
}

/* Read a frame length of one or two bytes. @return the length, or -1 at the end of the packet */
static int read_frame_length(const unsigned char *packet, int size, int *position) {
    int first;
    if (*position >= size)
        return -1;
    first = packet[(*position)++];
    if (first < 252)
        return first;
    return *position < size ? 4 * packet[(*position)++] + first : -1;
}

/* Read the padding length: a 255 stands for 254 bytes and another length byte.
 * @return bytes, or -1 where the packet is too short for them */
static int read_padding_length(const unsigned char *packet, int size, int *position) {
    int length = 0, byte;
    do {
        if (*position >= size)
            return -1;
        byte = packet[(*position)++];
        length += byte == 255 ? 254 : byte;
        if (length > size - *position)
            return -1; /* also bounds the sum */
    } while (byte == 255);
    return length;
}

/* The frame sizes of codes 0 and 1, and of code 3 without VBR. @return 1 if valid */
static int set_equal_sizes(dred_packet_info *info, int bytes) {
    if (bytes % info->frame_count != 0)
        return 0;
    for (int i = 0; i < info->frame_count; i++)
        info->frame_size[i] = bytes / info->frame_count;
    return 1;
}

/* The frame sizes of codes 2 and 3 with VBR: all but the last are written. @return 1 if valid */
static int read_sizes(dred_packet_info *info, const unsigned char *packet, int end, int *position) {
    int last, rest = 0;
    for (int i = 0; i < info->frame_count - 1; i++) {
        info->frame_size[i] = read_frame_length(packet, end, position);
        if (info->frame_size[i] < 0)
            return 0;
        rest += info->frame_size[i];
    }
    last = end - *position - rest;
    info->frame_size[info->frame_count - 1] = last;
    return last >= 0;
}

int dred_packet_parse(const unsigned char *packet, int size, dred_packet_info *info) {
    int position = 1, vbr = 0, padding = 0, valid;

    if (!packet || !info || size < 0)
        return DRED_ERR_ARGUMENT;
    memset(info, 0, sizeof *info);
    if (size < 1)
        return DRED_ERR_PACKET;
    info->toc = packet[0];
    info->frame_units = units_of(packet[0]);
    info->frame_count = (packet[0] & 3) == 0 ? 1 : 2;
    if ((packet[0] & 3) == 2)
        vbr = 1;
    if ((packet[0] & 3) == 3) {
        if (size < 2)
            return DRED_ERR_PACKET;
        info->frame_count = packet[1] & 63;
        vbr = packet[1] >> 7;
        position = 2;
        if (info->frame_count < 1 || info->frame_count * info->frame_units > MAX_UNITS)
            return DRED_ERR_PACKET;
        if (packet[1] & 0x40)
            padding = read_padding_length(packet, size, &position);
        if (padding < 0)
            return DRED_ERR_PACKET;
    }
    info->padding_size = padding;
    info->padding_offset = size - padding;

    valid = vbr ? read_sizes(info, packet, info->padding_offset, &position)
                : set_equal_sizes(info, info->padding_offset - position);
    if (!valid)
        return DRED_ERR_PACKET;
    for (int i = 0; i < info->frame_count; i++) {
        if (info->frame_size[i] > DRED_MAX_FRAME_BYTES)
            return DRED_ERR_PACKET;
        info->frame_offset[i] = position;
        position += info->frame_size[i];
    }
    return DRED_OK;
}

int dred_packet_units(const unsigned char *packet, int size) {
    dred_packet_info info;
    int error = dred_packet_parse(packet, size, &info);
    return error < 0 ? error : info.frame_units * info.frame_count;
}

int dred_packet_extensions(const unsigned char *packet, int size, dred_extension *out, int capacity,
                           int *valid) {
    dred_packet_info info;
    extension_iterator it;
    dred_extension extension;
    int count = 0, error = dred_packet_parse(packet, size, &info);

    if (error < 0)
        return error;
    if (capacity < 0 || (capacity > 0 && !out))
        return DRED_ERR_ARGUMENT;
    extension_iterator_init(&it, packet + info.padding_offset, info.padding_size, info.frame_count);
    while (extension_iterator_next(&it, &extension)) {
        extension.offset += info.padding_offset;
        if (count < capacity)
            out[count] = extension;
        count++;
    }
    if (valid)
        *valid = !it.invalid;
    return count;
}

int extension_is_dred(const dred_extension *extension, int version) {
    return extension->id == DRED_EXTENSION_ID && extension->size > DRED_EXTENSION_PREFIX &&
           extension->data[0] == 'D' && extension->data[1] == version;
}

int dred_packet_find(const unsigned char *packet, int size, int version, int *payload_offset,
                     int *payload_size, int *frame_offset) {
    dred_packet_info info;
    extension_iterator it;
    dred_extension extension;
    int error = dred_packet_parse(packet, size, &info);

    if (error < 0)
        return error;
    if (!payload_offset || !payload_size || !frame_offset)
        return DRED_ERR_ARGUMENT;
    extension_iterator_init(&it, packet + info.padding_offset, info.padding_size, info.frame_count);
    while (extension_iterator_next(&it, &extension)) {
        if (!extension_is_dred(&extension, version))
            continue;
        *payload_offset = info.padding_offset + extension.offset + DRED_EXTENSION_PREFIX;
        *payload_size = extension.size - DRED_EXTENSION_PREFIX;
        *frame_offset = extension.frame * info.frame_units;
        return DRED_OK;
    }
    return DRED_ERR_NODATA;
}

int dred_packet_has_lbrr(const unsigned char *packet, int size) {
    dred_packet_info info;
    int frames, first, error = dred_packet_parse(packet, size, &info);

    if (error < 0)
        return error;
    if (info.toc & 0x80 || info.frame_size[0] == 0)
        return 0; /* CELT has no LBRR */
    /* The SILK part starts with one activity flag per SILK frame of 20 ms (one for 10 ms), then the
     * LBRR flag; in stereo the same again for the side channel. */
    frames = info.frame_units > 8 ? info.frame_units / 8 : 1;
    first = packet[info.frame_offset[0]];
    if (first >> (7 - frames) & 1)
        return 1;
    return info.toc & 4 ? first >> (6 - 2 * frames) & 1 : 0;
}
