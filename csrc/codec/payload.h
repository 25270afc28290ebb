/* SPDX-License-Identifier: BSD-3-Clause
 *
 * payload.h - header, initial state and latent vectors to and from the bytes of a DRED payload.
 * It knows the coder and the quantiser; no networks, no packets.
 *
 * A payload has no count and no end mark: the decoder stops where at most 7 bits are left before a
 * vector. Finishing with PAYLOAD_DECODABLE therefore drops last vectors that this rule would hide
 * (they cost a few bits at coarse levels); PAYLOAD_EXACT keeps what was asked for.
 *
 * Use of the writer: begin, then add chunks, newest first, until payload_writer_add returns
 * 0, then finish. Nothing is coded twice: a chunk that does not fit is rolled back. */
#ifndef CODEC_PAYLOAD_H
#define CODEC_PAYLOAD_H

#include "coder/range_coder.h"
#include "dred.h"
#include "model/profile.h"

enum { PAYLOAD_EXACT = 0, PAYLOAD_DECODABLE = 1 }; /* what payload_writer_finish guarantees */

enum {
    PAYLOAD_MAX_BYTES = 4096, /* of capacity that are used                                  */
    PAYLOAD_LAST_OFFSET = 16, /* in 2.5 ms: D can lie inside the packet,                     */
    PAYLOAD_FIRST_OFFSET = PAYLOAD_LAST_OFFSET - 256 * 32 + 1 /* and has 13 bits on the wire */
};

/* 1 if q0, dq and qmax are levels that a header can carry. */
int payload_levels_are_valid(const dred_payload_header *header);

typedef struct payload_writer {
    const dred_profile *profile;
    dred_payload_header header;
    range_encoder coder;
    range_encoder after[DRED_MAX_CHUNKS]; /* the coder behind each chunk, for roll-back          */
    int bits[2]; /* header and state                                                           */
    int start;   /* bits before the first chunk                                                */
    int added;   /* chunks coded                                                               */
} payload_writer;

/* Write header and state. `out` is held until finish.
 * @param header q0, dq, qmax, and the offset to be signalled: -8175..16
 * @param state_symbols [50]
 * @return DRED_OK, DRED_ERR_ARGUMENT, or DRED_ERR_NODATA where they do not fit                   */
int payload_writer_begin(payload_writer *writer, const dred_profile *profile,
                         const dred_payload_header *header, const int32_t *state_symbols,
                         unsigned char *out, int capacity);
/* Code one more chunk.
 * @param symbols [25] at the level quant_level(header, writer->added)
 * @return 1, or 0 where it does not fit or 26 are there (it is then as if never called)          */
int payload_writer_add(payload_writer *writer, const int32_t *symbols);
/* End the stream.
 * @param rule PAYLOAD_EXACT or PAYLOAD_DECODABLE
 * @param chunks receives the number of chunks in the payload
 * @param bits NULL, or [2 + 26]: header (with the one bit of an empty coder), state, chunks; the
 *             sum is the coder's tell. Beyond *chunks nothing is written.
 * @return bytes, or DRED_ERR_NODATA where no chunk is left                                       */
int payload_writer_finish(payload_writer *writer, int rule, int *chunks, int *bits);

/* Code symbols as they are.
 * @param symbols [50 + 25 * chunks] state, then chunks, newest first
 * @param rule, bits as in payload_writer_finish
 * @return bytes, or a dred_error                                                                 */
int payload_write_symbols(const dred_profile *profile, const dred_payload_header *header,
                          const int32_t *symbols, int chunks, int rule, unsigned char *out,
                          int capacity, int *bits);

/* Symbols of a latent vector, kept from packet to packet: its place moves by one chunk at a time,
 * so that its level is mostly the same as before. */
typedef struct payload_symbols {
    int level; /* of the symbols, -1: there are none yet */
    int32_t values[DRED_LATENT_DIM];
} payload_symbols;

/* What a sender has to code. */
typedef struct payload_vectors {
    const float *state;                    /* [50]                                               */
    const float *latents[DRED_MAX_CHUNKS]; /* [25] each, newest first                            */
    payload_symbols *kept[DRED_MAX_CHUNKS]; /* of each latent, or NULL; brought up to date       */
    int chunks;                            /* chunks wanted                                      */
} payload_vectors;

/* Quantise and code as many chunks as fit, under PAYLOAD_DECODABLE.
 * @param chunks, bits as in payload_writer_finish
 * @return bytes, or a dred_error (DRED_ERR_NODATA where there is no chunk)                       */
int payload_write_vectors(const dred_profile *profile, const dred_payload_header *header,
                          const payload_vectors *vectors, unsigned char *out, int capacity,
                          int *chunks, int *bits);

#endif
