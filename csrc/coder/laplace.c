/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The sign symbol and the escaped geometric tail of Laplace values; knows no statistics.
 *
 * What is zero, what is negative is as good as random: each branch on it is mispredicted half of
 * the time, hence the arithmetic in place of branches where that is cheaper. */
#include "coder/laplace.h"

/* Of a list of inverse cumulative frequencies behind RANGE_Q15. */
static range_interval interval_of(const uint16_t *list, int symbol) {
    return (range_interval){list[symbol], list[symbol + 1]};
}

static range_interval sign_interval(int value, unsigned p0) {
    unsigned nonzero = RANGE_Q15 - (p0 << 7);
    const uint16_t list[4] = {RANGE_Q15, (uint16_t)nonzero, (uint16_t)(nonzero / 2), 0};
    return interval_of(list, value == 0 ? 0 : value > 0 ? 1 : 2);
}

/* A magnitude as escapes and the rest, straight to the coder: they are rare and many. */
static void encode_escaped(range_encoder *encoder, int rest, const uint16_t *tail) {
    for (; rest >= 0; rest -= LAPLACE_ESCAPE) {
        int symbol = rest < LAPLACE_ESCAPE ? rest : LAPLACE_ESCAPE;
        range_interval interval = interval_of(tail, symbol);
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
            list[count] = interval_of(tail, magnitude - (magnitude > 0));
            count += magnitude > 0;
        }
    }
    range_encode_intervals(encoder, list, count);
}

/* 0, 1 or -1. */
static inline int decode_sign(range_decoder *decoder, unsigned p0) {
    uint32_t scale = decoder->range >> 15, nonzero = RANGE_Q15 - ((uint32_t)p0 << 7);
    uint32_t first = scale * nonzero, second = scale * (nonzero / 2), negative;
    if (decoder->value >= first) {
        range_decoder_narrow(decoder, first, decoder->range);
        return 0;
    }
    negative = 0 - (uint32_t)(decoder->value < second); /* all ones or 0 */
    range_decoder_narrow(decoder, second & ~negative, first - (negative & (first - second)));
    return 1 | (int)negative;
}

static inline int decode_magnitude_symbol(range_decoder *decoder, const uint16_t *tail) {
    uint32_t scale = decoder->range >> 15, end = decoder->range, cut = scale * tail[1];
    int symbol = 0;
    while (decoder->value < cut) { /* ends at the latest where the model ends, at 0 */
        symbol++;
        end = cut;
        cut = scale * tail[symbol + 1];
    }
    range_decoder_narrow(decoder, cut, end);
    return symbol;
}

int laplace_decode(range_decoder *decoder, const laplace_model *model, int32_t *values) {
    range_decoder local = *decoder; /* in registers */
    int error = 0;
    for (uint64_t left = model->coded; left && !error; left &= left - 1) {
        int i = __builtin_ctzll(left);
        int sign = decode_sign(&local, model->p0[i]), magnitude = 0, symbol;
        if (sign != 0) {
            const uint16_t *tail = laplace_tails[model->decay[i]];
            magnitude = 1;
            do {
                symbol = decode_magnitude_symbol(&local, tail);
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
