/* SPDX-License-Identifier: BSD-3-Clause
 *
 * range_coder.h - the range coder of Opus (RFC 6716 sections 4.1 and 5.1), without raw bits. It
 * knows intervals and bytes, not what they mean.
 *
 * Both coders are plain values: copying an encoder saves it, copying it back drops everything
 * coded since. Bytes before a saved position are never altered later, because pending carries
 * are part of the value. */
#ifndef CODER_RANGE_CODER_H
#define CODER_RANGE_CODER_H

#include <stdint.h>

enum {
    RANGE_Q15 = 32768, /* total frequency of the 15-bit models */
    /* RFC 6716 section 4.1: a range is in (RANGE_BOTTOM, 2^31], codes have 31 bits. */
    RANGE_BOTTOM = 0x00800000,
    RANGE_MASK = 0x7FFFFFFF
};

typedef struct range_encoder {
    unsigned char *bytes;
    int capacity;
    int position; /* bytes written                                             */
    uint32_t low; /* low end of the interval                                   */
    uint32_t range;
    int pending;   /* byte held back for a carry, -1: none                      */
    int carry_run; /* bytes 0xFF held back behind it                            */
    int bits;      /* see range_encoder_tell                                    */
    int overflow;  /* 1: bytes were lost for want of capacity                   */
} range_encoder;

typedef struct range_decoder {
    const unsigned char *bytes;
    int size;
    int position;   /* bytes read; beyond the end zeros are read                 */
    uint32_t value; /* top of the interval minus code value minus one            */
    uint32_t range;
    uint32_t last; /* byte of which one bit is not used yet                     */
    int bits;
} range_decoder;

void range_encoder_init(range_encoder *encoder, unsigned char *bytes, int capacity);
/* One of `total` equally likely values. */
void range_encode_uint(range_encoder *encoder, unsigned value, unsigned total);
/* Interval [low, high) of `total`. */
void range_encode(range_encoder *encoder, unsigned low, unsigned high, unsigned total);
/* A symbol of a 15-bit inverse cumulative model: `above` is the inverse cumulative frequency of
 * the symbol before (RANGE_Q15 for the first), `below` that of the symbol itself. */
typedef struct range_interval {
    uint16_t above, below;
} range_interval;
void range_encode_intervals(range_encoder *encoder, const range_interval *intervals, int count);
/* Bits used so far, rounded up, the same as the decoder's after the same symbols. Starts at 1. */
int range_encoder_tell(const range_encoder *encoder);
/* Cut the storage to what tell needs and write the end of the stream.
 * @return bytes of the stream, or -1 where the capacity did not suffice */
int range_encoder_finish(range_encoder *encoder);

void range_decoder_init(range_decoder *decoder, const unsigned char *bytes, int size);
unsigned range_decode_uint(range_decoder *decoder, unsigned total);
/* Where in [0, total) the code points; to be followed by range_decode_update. */
unsigned range_decode_position(const range_decoder *decoder, unsigned total);
void range_decode_update(range_decoder *decoder, unsigned low, unsigned high, unsigned total);
int range_decoder_tell(const range_decoder *decoder);

static inline uint32_t range_read_byte(range_decoder *decoder) {
    return decoder->position < decoder->size ? decoder->bytes[decoder->position++] : 0;
}

static inline void range_decoder_normalise(range_decoder *decoder) {
    while (decoder->range <= RANGE_BOTTOM) {
        uint32_t byte = range_read_byte(decoder);
        uint32_t digit = ((decoder->last << 8) | byte) >> 1;
        decoder->last = byte;
        decoder->bits += 8;
        decoder->range <<= 8;
        decoder->value = ((decoder->value << 8) + (255 - (digit & 255))) & RANGE_MASK;
    }
}

/* Take the symbol that lies from `bottom` up to `top`, as values of the code. */
static inline void range_decoder_narrow(range_decoder *decoder, uint32_t bottom, uint32_t top) {
    decoder->value -= bottom;
    decoder->range = top - bottom;
    range_decoder_normalise(decoder);
}

#endif
