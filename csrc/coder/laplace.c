/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sign symbol and the escaped geometric tail of a Laplace value; knows no tables. */
#include "coder/laplace.h"

enum { ESCAPE = 7 }; /* symbol "7 and more": another magnitude symbol follows */

/* Inverse cumulative frequency of magnitude symbol i, from that of symbol i - 1 (RANGE_Q15 for
 * i = 0). The floor 7 - i keeps every symbol decodable; the escape ends the model at 0. */
static uint32_t tail(uint32_t previous, uint32_t decay_q15, int i) {
    uint32_t value = (previous * decay_q15) >> 15;
    uint32_t least = (uint32_t)(ESCAPE - i);
    return value > least ? value : least;
}

static void encode_magnitude_symbol(range_encoder *encoder, int symbol, uint32_t decay_q15) {
    uint32_t above = RANGE_Q15, below = tail(RANGE_Q15, decay_q15, 0);
    for (int i = 1; i <= symbol; i++) {
        above = below;
        below = i < ESCAPE ? tail(above, decay_q15, i) : 0;
    }
    range_encode_q15(encoder, above, below);
}

void laplace_encode(range_encoder *encoder, int value, unsigned p0, unsigned decay) {
    uint32_t nonzero = RANGE_Q15 - ((uint32_t)p0 << 7), negative = nonzero / 2;
    int rest = (value < 0 ? -value : value) - 1;

    if (value == 0) {
        range_encode_q15(encoder, RANGE_Q15, nonzero);
        return;
    }
    if (value > 0)
        range_encode_q15(encoder, nonzero, negative);
    else
        range_encode_q15(encoder, negative, 0);
    for (; rest >= 0; rest -= ESCAPE)
        encode_magnitude_symbol(encoder, rest < ESCAPE ? rest : ESCAPE, (uint32_t)decay << 7);
}

static int decode_magnitude_symbol(range_decoder *decoder, uint32_t decay_q15) {
    uint32_t above = RANGE_Q15, below = tail(RANGE_Q15, decay_q15, 0);
    int symbol = 0;
    while (range_decode_beyond(decoder, below)) { /* ends at the latest at below == 0 */
        symbol++;
        above = below;
        below = symbol < ESCAPE ? tail(above, decay_q15, symbol) : 0;
    }
    range_decode_take(decoder, above, below);
    return symbol;
}

int laplace_decode(range_decoder *decoder, unsigned p0, unsigned decay, int *value) {
    uint32_t nonzero = RANGE_Q15 - ((uint32_t)p0 << 7), negative = nonzero / 2;
    int sign, magnitude = 1, symbol;

    *value = 0;
    if (!range_decode_beyond(decoder, nonzero)) {
        range_decode_take(decoder, RANGE_Q15, nonzero);
        return 0;
    }
    if (range_decode_beyond(decoder, negative)) {
        sign = -1;
        range_decode_take(decoder, negative, 0);
    } else {
        sign = 1;
        range_decode_take(decoder, nonzero, negative);
    }
    do {
        symbol = decode_magnitude_symbol(decoder, (uint32_t)decay << 7);
        magnitude += symbol;
        if (magnitude > LAPLACE_LIMIT)
            return -1;
    } while (symbol == ESCAPE);
    *value = sign * magnitude;
    return 0;
}
