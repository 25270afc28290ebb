/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reader and writer of the DRED payload (draft-ietf-mlcodec-opus-dred); knows no networks and no
 * packets. */
#include "codec/payload.h"

#include <string.h>

#include "codec/quant.h"
#include "coder/laplace.h"

enum {
    HIDDEN_BITS = 7, /* with no more than these left the decoder reads no further vector   */
    QMAX_LEVEL = DRED_LEVELS - 1
};

/* The qmax symbol is absent where all its values would mean the same. */
static int has_qmax(const dred_payload_header *header) {
    return header->q0 < QMAX_LEVEL - 1 && header->dq > 0;
}

int payload_levels_are_valid(const dred_payload_header *header) {
    if (header->q0 < 0 || header->q0 >= DRED_LEVELS || header->dq < 0 || header->dq > 7 ||
        header->qmax < header->q0 || header->qmax > QMAX_LEVEL)
        return 0;
    /* A qmax of q0 is signalled by dq = 0 only: there is no code for it otherwise. */
    return header->dq == 0 || header->qmax > header->q0 || header->q0 == QMAX_LEVEL;
}

static int header_is_valid(const dred_payload_header *header) {
    return payload_levels_are_valid(header) && header->offset >= PAYLOAD_FIRST_OFFSET &&
           header->offset <= PAYLOAD_LAST_OFFSET;
}

/* 15 takes one half of the probability, q0 + 1..14 share the other. */
static void write_qmax(range_encoder *coder, const dred_payload_header *header) {
    unsigned half = (unsigned)(QMAX_LEVEL - 1 - header->q0);
    unsigned low = half + (unsigned)(header->qmax - header->q0 - 1);
    if (header->qmax == QMAX_LEVEL)
        range_encode(coder, 0, half, 2 * half);
    else
        range_encode(coder, low, low + 1, 2 * half);
}

static int read_qmax(range_decoder *coder, const dred_payload_header *header) {
    unsigned half = (unsigned)(QMAX_LEVEL - 1 - header->q0);
    unsigned position = range_decode_position(coder, 2 * half);
    if (position < half) {
        range_decode_update(coder, 0, half, 2 * half);
        return QMAX_LEVEL;
    }
    range_decode_update(coder, position, position + 1, 2 * half);
    return header->q0 + 1 + (int)(position - half);
}

static void write_header(range_encoder *coder, const dred_payload_header *header) {
    unsigned total = (unsigned)(PAYLOAD_LAST_OFFSET - header->offset);
    range_encode_uint(coder, (unsigned)header->q0, 16);
    range_encode_uint(coder, (unsigned)header->dq, 8);
    range_encode_uint(coder, total > 31, 2);
    if (total > 31)
        range_encode_uint(coder, total >> 5, 256);
    range_encode_uint(coder, total & 31, 32);
    if (has_qmax(header))
        write_qmax(coder, header);
}

static void read_header(range_decoder *coder, dred_payload_header *header) {
    unsigned total = 0;
    header->q0 = (int)range_decode_uint(coder, 16);
    header->dq = (int)range_decode_uint(coder, 8);
    if (range_decode_uint(coder, 2))
        total = 32 * range_decode_uint(coder, 256);
    total += range_decode_uint(coder, 32);
    header->offset = PAYLOAD_LAST_OFFSET - (int)total;
    header->qmax = has_qmax(header) ? read_qmax(coder, header) : QMAX_LEVEL;
}

int payload_writer_begin(payload_writer *writer, const dred_profile *profile,
                         const dred_payload_header *header, const int32_t *state_symbols,
                         unsigned char *out, int capacity) {
    quant_tables tables;
    if (!header_is_valid(header) || capacity < 0)
        return DRED_ERR_ARGUMENT;
    tables = quant_tables_of(profile, PROFILE_STATE, header->q0);
    writer->profile = profile;
    writer->header = *header;
    writer->added = 0;
    range_encoder_init(&writer->coder, out,
                       capacity < PAYLOAD_MAX_BYTES ? capacity : PAYLOAD_MAX_BYTES);
    write_header(&writer->coder, header);
    writer->bits[0] = range_encoder_tell(&writer->coder);
    laplace_encode(&writer->coder, &tables.model, state_symbols);
    writer->start = range_encoder_tell(&writer->coder);
    writer->bits[1] = writer->start - writer->bits[0];
    return writer->start > 8 * writer->coder.capacity ? DRED_ERR_NODATA : DRED_OK;
}

int payload_writer_add(payload_writer *writer, const int32_t *symbols) {
    range_encoder before = writer->coder;
    quant_tables tables;
    if (writer->added == DRED_MAX_CHUNKS)
        return 0;
    tables = quant_tables_of(writer->profile, PROFILE_LATENT,
                             quant_level(&writer->header, writer->added));
    laplace_encode(&writer->coder, &tables.model, symbols);
    if (range_encoder_tell(&writer->coder) > 8 * writer->coder.capacity) {
        writer->coder = before;
        return 0;
    }
    writer->after[writer->added++] = writer->coder;
    return 1;
}

/* Bits used when n chunks are coded. */
static int tell_after(const payload_writer *writer, int n) {
    return n > 0 ? range_encoder_tell(&writer->after[n - 1]) : writer->start;
}

int payload_writer_finish(payload_writer *writer, int rule, int *chunks, int *bits) {
    int n = writer->added;
    *chunks = 0;
    /* The decoder counts the bits of whole bytes: those of the last vector and the filling. */
    while (rule == PAYLOAD_DECODABLE && n > 0) {
        int filled = (tell_after(writer, n) + 7) & ~7;
        if (filled - tell_after(writer, n - 1) > HIDDEN_BITS)
            break;
        n--;
    }
    if (n == 0)
        return DRED_ERR_NODATA;
    if (bits) {
        bits[0] = writer->bits[0];
        bits[1] = writer->bits[1];
        for (int i = 0; i < n; i++)
            bits[2 + i] = tell_after(writer, i + 1) - tell_after(writer, i);
    }
    writer->coder = writer->after[n - 1];
    *chunks = n;
    return range_encoder_finish(&writer->coder);
}

static int symbols_are_valid(const int32_t *symbols, int count) {
    for (int i = 0; i < count; i++)
        if (symbols[i] < -LAPLACE_LIMIT || symbols[i] > LAPLACE_LIMIT)
            return 0;
    return 1;
}

int payload_write_symbols(const dred_profile *profile, const dred_payload_header *header,
                          const int32_t *symbols, int chunks, int rule, unsigned char *out,
                          int capacity, int *bits) {
    payload_writer writer;
    int error, written;
    if (chunks < 0 || chunks > DRED_MAX_CHUNKS ||
        !symbols_are_valid(symbols, DRED_STATE_DIM + DRED_LATENT_DIM * chunks))
        return DRED_ERR_ARGUMENT;
    error = payload_writer_begin(&writer, profile, header, symbols, out, capacity);
    if (error < 0)
        return error;
    for (int i = 0; i < chunks; i++)
        if (!payload_writer_add(&writer, symbols + DRED_STATE_DIM + DRED_LATENT_DIM * i))
            return DRED_ERR_SPACE;
    return payload_writer_finish(&writer, rule, &written, bits);
}

/* The symbols of latent i, quantised only where they are not kept at this level. */
static const int32_t *latent_symbols(const dred_profile *profile, const payload_vectors *vectors,
                                     int i, int level, int32_t *scratch) {
    payload_symbols *kept = vectors->kept[i];
    if (kept != NULL && kept->level == level)
        return kept->values;
    quant_tables tables = quant_tables_of(profile, PROFILE_LATENT, level);
    int32_t *symbols = kept != NULL ? kept->values : scratch;
    quant_quantise(&tables, vectors->latents[i], symbols);
    if (kept != NULL)
        kept->level = level;
    return symbols;
}

int payload_write_vectors(const dred_profile *profile, const dred_payload_header *header,
                          const payload_vectors *vectors, unsigned char *out, int capacity,
                          int *chunks, int *bits) {
    payload_writer writer;
    quant_tables tables;
    int32_t symbols[DRED_STATE_DIM];
    int error;

    *chunks = 0;
    if (!header_is_valid(header))
        return DRED_ERR_ARGUMENT;
    tables = quant_tables_of(profile, PROFILE_STATE, header->q0);
    quant_quantise(&tables, vectors->state, symbols);
    error = payload_writer_begin(&writer, profile, header, symbols, out, capacity);
    if (error < 0)
        return error;
    for (int i = 0; i < vectors->chunks && i < DRED_MAX_CHUNKS; i++) {
        int level = quant_level(header, i);
        if (!payload_writer_add(&writer, latent_symbols(profile, vectors, i, level, symbols)))
            break;
    }
    return payload_writer_finish(&writer, PAYLOAD_DECODABLE, chunks, bits);
}

int dred_payload_encode(const dred_profile *profile, const dred_payload_header *header,
                        const float *latents, const float *state, int chunks, unsigned char *out,
                        int capacity, int *bits) {
    payload_vectors vectors = {.state = state, .chunks = chunks};
    int written, size;
    if (!header || !latents || !state || !out || chunks < 1 || chunks > DRED_MAX_CHUNKS ||
        capacity < 0)
        return DRED_ERR_ARGUMENT;
    for (int i = 0; i < chunks; i++)
        vectors.latents[i] = latents + DRED_LATENT_DIM * i;
    size = payload_write_vectors(profile ? profile : &profile_opus, header, &vectors, out, capacity,
                                 &written, bits);
    if (bits && size >= 0)
        for (int i = written; i < chunks; i++)
            bits[2 + i] = -1;
    return size;
}

int dred_payload_decode(const dred_profile *profile, const unsigned char *data, int size,
                        int max_chunks, dred_payload *out) {
    range_decoder coder;
    quant_tables tables;
    int tell;

    if (!data || size < 0 || !out || max_chunks < 0 || max_chunks > DRED_MAX_CHUNKS)
        return DRED_ERR_ARGUMENT;
    if (!profile)
        profile = &profile_opus;
    memset(out, 0, sizeof *out);
    range_decoder_init(&coder, data, size);
    read_header(&coder, &out->header);
    out->bits[0] = range_decoder_tell(&coder);
    tables = quant_tables_of(profile, PROFILE_STATE, out->header.q0);
    if (laplace_decode(&coder, &tables.model, out->symbols) < 0)
        max_chunks = 0;
    quant_dequantise(&tables, out->symbols, out->state);
    tell = range_decoder_tell(&coder);
    out->bits[1] = tell - out->bits[0];

    /* 64 bits, as 8 * size would overflow for sizes that no packet has. */
    while (out->chunks < max_chunks && 8 * (int64_t)size - tell > HIDDEN_BITS) {
        int level = quant_level(&out->header, out->chunks);
        int32_t *symbols = out->symbols + DRED_STATE_DIM + DRED_LATENT_DIM * out->chunks;
        float *latent = out->latents + (DRED_LATENT_DIM + 1) * out->chunks;
        int before = tell;

        tables = quant_tables_of(profile, PROFILE_LATENT, level);
        if (laplace_decode(&coder, &tables.model, symbols) < 0) {
            memset(symbols, 0, DRED_LATENT_DIM * sizeof *symbols); /* as all unused ones */
            break;
        }
        quant_dequantise(&tables, symbols, latent);
        latent[DRED_LATENT_DIM] = (float)level / 8.0f - 1.0f;
        tell = range_decoder_tell(&coder);
        out->level[out->chunks] = level;
        out->bits[2 + out->chunks] = tell - before;
        out->chunks++;
    }
    return out->chunks;
}
