/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Iterator over a padding extension area (draft-ietf-mlcodec-opus-extension); knows not what the
 * extensions mean. */
#include "packet.h"

enum { ID_PADDING = 0, ID_SEPARATOR = 1, ID_REPEAT = 2, ID_FIRST_LONG = 32 };

void extension_iterator_init(extension_iterator *it, const unsigned char *area, int size,
                             int frames) {
    extension_iterator start = {
        .area = area, .size = size, .frames = frames, .budget = EXTENSION_STEPS};
    *it = start;
}

static int fail(extension_iterator *it) {
    it->invalid = 1;
    it->position = it->size;
    it->set_frame = 0;
    return 0;
}

/* Read a length of 255s and a final byte at *position, not beyond `end`.
 * @return the length, which fits in what follows, or -1 */
static int read_length(const unsigned char *area, int end, int *position) {
    int length = 0, byte;
    do {
        if (*position >= end)
            return -1;
        byte = area[(*position)++];
        length += byte;
        if (length > end - *position)
            return -1; /* also bounds the sum */
    } while (byte == 255);
    return length;
}

/* Size of the data of an extension whose ID byte is `head`, *position being behind it.
 * @param to_end 1 if a long extension without length reaches up to `end`
 * @return size, *position at the data, or -1 */
static int read_size(const unsigned char *area, int end, int head, int to_end, int *position) {
    int size;
    if (head >> 1 < ID_FIRST_LONG) {
        size = head & 1;
        return size <= end - *position ? size : -1;
    }
    return to_end ? end - *position : read_length(area, end, position);
}

static int emit(extension_iterator *it, int head, int frame, int size, dred_extension *out) {
    out->id = head >> 1;
    out->frame = frame;
    out->offset = it->position;
    out->size = size;
    out->data = it->area + it->position;
    it->position += size;
    return 1;
}

/* Step over one original of the repeat set, which was valid when it was read.
 * @return its ID byte, or -1 where nothing is repeated (padding, separators without effect) */
static int next_original(const extension_iterator *it, int *position) {
    int head = it->area[(*position)++], size;
    if (head >> 1 == ID_PADDING)
        return -1;
    if (head >> 1 == ID_SEPARATOR) {
        *position += head & 1;
        return -1;
    }
    size = read_size(it->area, it->set_end, head, 0, position);
    *position += size;
    return head;
}

static void begin_repeat(extension_iterator *it, int has_length) {
    int position = it->set_start;
    it->set_end = it->position - 1;
    it->set_position = it->set_start;
    it->set_frame = it->frame + 1;
    it->set_advance = !has_length;
    it->set_last = -1;
    it->set_tail = 0;
    while (!has_length && position < it->set_end) {
        int start = position, head = next_original(it, &position);
        if (head >> 1 >= ID_FIRST_LONG) {
            it->set_last = start;
            it->set_tail = 0;
        } else if (head >= 0) {
            it->set_tail += head & 1;
        }
    }
}

static void end_repeat(extension_iterator *it) {
    it->set_frame = 0;
    it->set_start = it->position;
    it->frame += it->set_advance;
    if (it->frame >= it->frames)
        it->position = it->size; /* the rest is ignored, which is no error */
}

/* @return 1 with the next repetition, 0 at the end of the repetitions or on error */
static int next_repeated(extension_iterator *it, dred_extension *out) {
    while (it->set_frame < it->frames) {
        while (it->set_position < it->set_end) {
            int start = it->set_position, head = next_original(it, &it->set_position);
            int end = it->size, size, to_end;
            if (--it->budget < 0)
                return fail(it);
            if (head < 0)
                continue;
            to_end = start == it->set_last && it->set_frame == it->frames - 1;
            if (to_end)
                end -= it->set_tail;
            if (end < it->position)
                return fail(it);
            size = read_size(it->area, end, head, to_end, &it->position);
            if (size < 0)
                return fail(it);
            return emit(it, head, it->set_frame, size, out);
        }
        it->set_frame++;
        it->set_position = it->set_start;
        if (--it->budget < 0)
            return fail(it);
    }
    end_repeat(it);
    return 0;
}

/* @return 1, or 0 on error */
static int separate(extension_iterator *it, int has_increment) {
    int increment = 1;
    if (has_increment) {
        if (it->position >= it->size)
            return fail(it);
        increment = it->area[it->position++];
    }
    if (increment == 0)
        return 1;
    it->frame += increment;
    it->set_start = it->position;
    return it->frame < it->frames ? 1 : fail(it);
}

int extension_iterator_next(extension_iterator *it, dred_extension *out) {
    for (;;) {
        int head, id, size;
        if (it->set_frame > 0 && next_repeated(it, out))
            return 1;
        if (it->position >= it->size)
            return 0;
        head = it->area[it->position++];
        id = head >> 1;
        if (id == ID_PADDING) {
            if (!(head & 1))
                it->position = it->size;
        } else if (id == ID_SEPARATOR) {
            if (!separate(it, head & 1))
                return 0;
        } else if (id == ID_REPEAT) {
            begin_repeat(it, head & 1);
        } else {
            size = read_size(it->area, it->size, head, !(head & 1), &it->position);
            if (size < 0 || --it->budget < 0)
                return fail(it);
            return emit(it, head, it->frame, size, out);
        }
    }
}
