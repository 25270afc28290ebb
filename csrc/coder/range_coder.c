/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Carry propagation, renormalisation and termination of the Opus range coder; knows no models. */
#include "coder/range_coder.h"

#include <string.h>

#define TOP ((uint32_t)RANGE_MASK + 1)

static int bit_length(uint32_t x) {
    return 32 - __builtin_clz(x); /* x > 0 */
}

static void write_byte(range_encoder *encoder, unsigned byte) {
    if (encoder->position < encoder->capacity)
        encoder->bytes[encoder->position++] = (unsigned char)byte;
    else
        encoder->overflow = 1;
}

/* A byte cannot be written before it is known that no carry will reach it: one byte and the run
 * of 0xFF behind it are held back. */
static void carry_out(range_encoder *encoder, uint32_t digit) {
    unsigned carry = digit >> 8;
    if (digit == 255) {
        encoder->carry_run++;
        return;
    }
    if (encoder->pending >= 0)
        write_byte(encoder, (unsigned)encoder->pending + carry);
    for (; encoder->carry_run > 0; encoder->carry_run--)
        write_byte(encoder, (255 + carry) & 255);
    encoder->pending = (int)(digit & 255);
}

static void encoder_normalise(range_encoder *encoder) {
    while (encoder->range <= RANGE_BOTTOM) {
        carry_out(encoder, encoder->low >> 23);
        encoder->low = (encoder->low << 8) & RANGE_MASK;
        encoder->range <<= 8;
        encoder->bits += 8;
    }
}

void range_encoder_init(range_encoder *encoder, unsigned char *bytes, int capacity) {
    encoder->bytes = bytes;
    encoder->capacity = capacity;
    encoder->position = 0;
    encoder->low = 0;
    encoder->range = TOP;
    encoder->pending = -1;
    encoder->carry_run = 0;
    encoder->bits = 33;
    encoder->overflow = 0;
}

/* The first symbol of a model gets the remainder of the division, hence the two branches. */
void range_encode(range_encoder *encoder, unsigned low, unsigned high, unsigned total) {
    uint32_t scale = encoder->range / total;
    if (low > 0) {
        encoder->low += encoder->range - scale * (total - low);
        encoder->range = scale * (high - low);
    } else {
        encoder->range -= scale * (total - high);
    }
    encoder_normalise(encoder);
}

void range_encode_uint(range_encoder *encoder, unsigned value, unsigned total) {
    range_encode(encoder, value, value + 1, total);
}

void range_encode_intervals(range_encoder *encoder, const range_interval *intervals, int count) {
    range_encoder local = *encoder; /* in registers */
    for (int i = 0; i < count; i++) {
        uint32_t above = intervals[i].above, below = intervals[i].below;
        uint32_t scale = local.range >> 15;
        uint32_t end = above < RANGE_Q15 ? scale * above : local.range;
        local.low += local.range - end;
        local.range = end - scale * below;
        encoder_normalise(&local);
    }
    *encoder = local;
}

int range_encoder_tell(const range_encoder *encoder) {
    return encoder->bits - bit_length(encoder->range);
}

int range_encoder_finish(range_encoder *encoder) {
    int size = (range_encoder_tell(encoder) + 7) >> 3;
    int left = 32 - bit_length(encoder->range); /* bits that must still be written */
    uint32_t mask = (uint32_t)RANGE_MASK >> left;
    uint32_t end = (encoder->low + mask) & ~mask;

    if (size < encoder->capacity)
        encoder->capacity = size;
    /* Pick the value in the interval with the most trailing zeros. */
    if ((end | mask) >= encoder->low + encoder->range) {
        left++;
        mask >>= 1;
        end = (encoder->low + mask) & ~mask;
    }
    for (; left > 0; left -= 8) {
        carry_out(encoder, end >> 23);
        end = (end << 8) & RANGE_MASK;
    }
    if (encoder->pending >= 0 || encoder->carry_run > 0)
        carry_out(encoder, 0);
    if (encoder->position < encoder->capacity)
        memset(encoder->bytes + encoder->position, 0,
               (size_t)(encoder->capacity - encoder->position));
    return encoder->overflow ? -1 : encoder->capacity;
}

void range_decoder_init(range_decoder *decoder, const unsigned char *bytes, int size) {
    decoder->bytes = bytes;
    decoder->size = size;
    decoder->position = 0;
    decoder->range = 128;
    decoder->last = range_read_byte(decoder);
    decoder->value = 127 - (decoder->last >> 1);
    decoder->bits = 9;
    range_decoder_normalise(decoder);
}

unsigned range_decode_position(const range_decoder *decoder, unsigned total) {
    uint32_t steps = decoder->value / (decoder->range / total) + 1;
    return total - (steps < total ? steps : total);
}

void range_decode_update(range_decoder *decoder, unsigned low, unsigned high, unsigned total) {
    uint32_t scale = decoder->range / total;
    uint32_t cut = scale * (total - high);
    decoder->value -= cut;
    decoder->range = low > 0 ? scale * (high - low) : decoder->range - cut;
    range_decoder_normalise(decoder);
}

unsigned range_decode_uint(range_decoder *decoder, unsigned total) {
    unsigned value = range_decode_position(decoder, total);
    range_decode_update(decoder, value, value + 1, total);
    return value;
}

int range_decoder_tell(const range_decoder *decoder) {
    return decoder->bits - bit_length(decoder->range);
}
