/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sign symbol and the escaped geometric tail of Laplace values; knows no statistics.
 *
 * Signs and magnitudes are as good as random, so that a branch on them is mispredicted half of the
 * time: both directions choose by arithmetic wherever they can. */
#include "coder/laplace.h"

/* Inverse cumulative frequency of the sign symbols "zero" and "positive"; "negative" ends at 0. */
static uint32_t nonzero_of(unsigned p0) { return RANGE_Q15 - ((uint32_t)p0 << 7); }
static uint32_t negative_of(unsigned p0) { return nonzero_of(p0) / 2; }

static range_interval sign_interval(int value, unsigned p0) {
    uint32_t nonzero = nonzero_of(p0), negative = negative_of(p0);
    range_interval zero = {RANGE_Q15, (uint16_t)nonzero};
    range_interval plus = {(uint16_t)nonzero, (uint16_t)negative};
    range_interval minus = {(uint16_t)negative, 0};
    range_interval sign = value > 0 ? plus : minus;
    return value == 0 ? zero : sign;
}

static range_interval magnitude_interval(int symbol, const uint16_t *tail) {
    return (range_interval){tail[symbol], tail[symbol + 1]};
}

/* A magnitude as escapes and the rest, straight to the coder: they are rare and many. */
static void encode_escaped(range_encoder *encoder, int rest, const uint16_t *tail) {
    for (; rest >= 0; rest -= LAPLACE_ESCAPE) {
        int symbol = rest < LAPLACE_ESCAPE ? rest : LAPLACE_ESCAPE;
        range_interval interval = magnitude_interval(symbol, tail);
        range_encode_intervals(encoder, &interval, 1);
    }
}

void laplace_encode(range_encoder *encoder, const laplace_model *model, const int32_t *values) {
    range_interval list[2 * 64];
    int count = 0;
    for (uint64_t left = model->coded; left; left &= left - 1) {
        int i = __builtin_ctzll(left);
        int value = values[i], magnitude = value < 0 ? -value : value;
        const uint16_t *tail = laplace_tails[model->decay[i]];
        list[count++] = sign_interval(value, model->p0[i]);
        if (magnitude > LAPLACE_ESCAPE) {
            range_encode_intervals(encoder, list, count);
            encode_escaped(encoder, magnitude - 1, tail);
            count = 0;
        } else { /* written for zero as well, but then not counted */
            list[count] = magnitude_interval(magnitude - (magnitude > 0), tail);
            count += magnitude > 0;
        }
    }
    range_encode_intervals(encoder, list, count);
}

static int decode_sign(range_decoder *decoder, unsigned p0) {
    uint32_t nonzero = nonzero_of(p0), negative = negative_of(p0);
    int is_nonzero = range_decode_beyond(decoder, nonzero);
    int is_negative = range_decode_beyond(decoder, negative);
    uint32_t above = is_negative ? negative : is_nonzero ? nonzero : RANGE_Q15;
    uint32_t below = is_negative ? 0 : is_nonzero ? negative : nonzero;
    range_decode_take(decoder, above, below);
    return is_nonzero - 2 * is_negative;
}

static int decode_magnitude_symbol(range_decoder *decoder, const uint16_t *tail) {
    int symbol = 0;
    for (int i = 1; i <= LAPLACE_ESCAPE; i++)
        symbol += range_decode_beyond(decoder, tail[i]);
    range_decode_take(decoder, tail[symbol], tail[symbol + 1]);
    return symbol;
}

int laplace_decode(range_decoder *decoder, const laplace_model *model, int32_t *values) {
    range_decoder local = *decoder; /* in registers */
    int error = 0;
    for (uint64_t left = model->coded; left && !error; left &= left - 1) {
        int i = __builtin_ctzll(left);
        int sign = decode_sign(&local, model->p0[i]), magnitude = 0, symbol;
        if (sign != 0) {
            magnitude = 1;
            do {
                symbol = decode_magnitude_symbol(&local, laplace_tails[model->decay[i]]);
                magnitude += symbol;
            } while (symbol == LAPLACE_ESCAPE && magnitude <= LAPLACE_LIMIT);
            if (magnitude > LAPLACE_LIMIT) {
                error = -1;
                magnitude = 0;
            }
        }
        values[i] = sign * magnitude;
    }
    *decoder = local;
    return error;
}
