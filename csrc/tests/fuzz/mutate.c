/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A few changes of one input: of bits, bytes and numbers, of ranges, and what another one has. */
#include "mutate.h"

#include <string.h>

enum { LARGE = 8192, RECORD = 64, HEADER_BYTES = 128, CHANGES = 6 };

/* A copy of an input being changed. */
typedef struct draft {
    chance *random;
    uint8_t *data;
    size_t size, room;
} draft;

size_t pick(chance *random, size_t below) {
    random->state ^= random->state << 13; /* xorshift64 (Marsaglia 2003) */
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return below > 0 ? (size_t)(random->state >> 11) % below : 0;
}

/* A place to change. Weight files are mostly weights: half of the places in large inputs are in the
 * first bytes of a record. */
static size_t place(const draft *d) {
    size_t at = pick(d->random, d->size);
    if (d->size < LARGE || pick(d->random, 2))
        return at;
    for (at = at / RECORD * RECORD; at > 0 && memcmp(d->data + at, "DNNw", 4) != 0;)
        at -= RECORD;
    at += pick(d->random, HEADER_BYTES);
    return at < d->size ? at : d->size - 1;
}

/* Bytes of a range: mostly few; in large inputs some of whole records. */
static size_t length(const draft *d, size_t most) {
    size_t n = 1 + pick(d->random, pick(d->random, 4) ? 8 : most);
    if (d->size >= LARGE && pick(d->random, 2))
        n = (n + RECORD - 1) / RECORD * RECORD;
    return n < most ? n : most;
}

static uint8_t telling_byte(chance *random) {
    static const uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 127, 128, 251, 252, 253, 254, 255, 'D', 12};
    return bytes[pick(random, sizeof bytes)];
}

static void change_byte(draft *d) {
    uint8_t *byte = d->data + place(d);
    switch (pick(d->random, 4)) {
    case 0:
        *byte ^= (uint8_t)(1 << pick(d->random, 8));
        break;
    case 1:
        *byte = telling_byte(d->random);
        break;
    case 2:
        *byte = (uint8_t)(*byte + pick(d->random, 33) - 16);
        break;
    default:
        *byte = (uint8_t)pick(d->random, 256);
        break;
    }
}

/* A little-endian number of four bytes: sizes, and floats at the edges of what they can be. */
static void change_number(draft *d) {
    static const uint32_t numbers[] = {0,          1,          64,         0x7fffffff,
                                       0x80000000, 0xffffffff, 0xffffffc0, 0x10000,
                                       0x7fc00000, 0x7f800000, 0xff800000, 0x7f7fffff,
                                       0x49742400, 0xc9742400, 0x00000001, 0x3f800000};
    uint32_t number = numbers[pick(d->random, sizeof numbers / sizeof *numbers)];
    size_t at = place(d) & ~(size_t)3;
    for (size_t i = 0; i < 4 && at + i < d->size; i++)
        d->data[at + i] = (uint8_t)(number >> 8 * i);
}

static void remove_range(draft *d) {
    size_t at = place(d), n = length(d, d->size - at);
    memmove(d->data + at, d->data + at + n, d->size - at - n);
    d->size -= n;
}

/* Put a range of `from` over what is there, or in between. */
static void copy_range(draft *d, const uint8_t *from, size_t size) {
    if (size == 0)
        return;
    size_t start = pick(d->random, size), n = length(d, size - start), at = place(d);
    if (pick(d->random, 2)) {
        n = n < d->room - d->size ? n : d->room - d->size;
        memmove(d->data + at + n, d->data + at, d->size - at);
        d->size += n;
    }
    n = n < d->size - at ? n : d->size - at;
    memmove(d->data + at, from + start, n);
}

static void insert_bytes(draft *d) {
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = pick(d->random, 2) ? telling_byte(d->random) : (uint8_t)pick(d->random, 256);
    copy_range(d, bytes, sizeof bytes);
}

static void change(draft *d, const corpus *kept) {
    const input *other = &kept->inputs[pick(d->random, kept->count)];
    if (d->size == 0)
        d->data[d->size++] = telling_byte(d->random);
    switch (pick(d->random, 8)) {
    case 0:
        remove_range(d);
        break;
    case 1:
        insert_bytes(d);
        break;
    case 2:
        copy_range(d, other->data, other->size);
        break;
    case 3:
        change_number(d);
        break;
    case 4:
        d->size = pick(d->random, 4) ? d->size : pick(d->random, d->size + 1);
        break;
    default:
        change_byte(d);
        break;
    }
}

size_t mutate(chance *random, const corpus *kept, uint8_t *out, size_t room) {
    const input *chosen = &kept->inputs[pick(random, kept->count)];
    draft d = {random, out, chosen->size < room ? chosen->size : room, room};
    memcpy(out, chosen->data, d.size);
    for (size_t changes = 1 + pick(random, CHANGES); changes > 0; changes--)
        change(&d, kept);
    return d.size;
}
