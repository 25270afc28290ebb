/* SPDX-License-Identifier: BSD-3-Clause
 *
 * packet.h - reading the padding extensions of Opus packets one by one
 * (draft-ietf-mlcodec-opus-extension). It knows bytes; no audio, no DRED content. The packet
 * functions of dred.h are built on it. */
#ifndef PACKET_H
#define PACKET_H

#include "dred.h"

enum { EXTENSION_STEPS = 4096 }; /* extensions and repetitions in a packet, at the most */

/* A reading position in an extension area. All offsets are in bytes from the area's start. */
typedef struct extension_iterator {
    const unsigned char *area;
    int size;
    int position;
    int frames;       /* of the packet                                                          */
    int frame;        /* that the next extension belongs to                                     */
    int set_start;    /* extensions from here to the next repeat byte are what it repeats       */
    int set_end;      /* end of the set while it is being repeated                              */
    int set_position; /* next original in it                                                    */
    int set_frame;    /* frame the payloads are for; 0: not repeating                           */
    int set_last;     /* position of the set's last long extension where the repetition may omit
                         its length in the last frame, else -1                                  */
    int set_tail;     /* payload bytes of the short extensions behind that one                  */
    int set_advance;  /* 1: the frame advances by one after the repetition                      */
    int budget;       /* steps left: a byte that repeats nothing must not cost 48 of them          */
    int invalid;      /* 1: malformed, or more than EXTENSION_STEPS of work; what was returned
                         before stays valid                                                     */
} extension_iterator;

void extension_iterator_init(extension_iterator *it, const unsigned char *area, int size,
                             int frames);
/* @param out id, frame, offset from the area's start, size and data
 * @return 1, or 0 at the end (see invalid) */
int extension_iterator_next(extension_iterator *it, dred_extension *out);

/* 1 if the extension is DRED of this version and holds a payload. */
int extension_is_dred(const dred_extension *extension, int version);

#endif
