/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What reads bytes from outside, each with what must hold of any bytes; knows no generator. */
#ifndef FUZZ_READERS_H
#define FUZZ_READERS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Where it does not hold the process ends: whoever runs it has kept the input. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { PACKET, PAYLOAD, STREAM, MODEL, READERS }; /* in the order of `readers` */

typedef struct reader {
    const char *name;
    void (*read)(const uint8_t *data, size_t size);
    size_t largest; /* bytes of an input */
} reader;

extern const reader readers[READERS];

void read_packet(const uint8_t *data, size_t size);
void read_payload(const uint8_t *data, size_t size);
void read_stream(const uint8_t *data, size_t size);
void read_model(const uint8_t *data, size_t size);

/* Run a reader on a copy of exactly this size, so that the sanitiser sees every byte read beyond.
 */
void run_reader(const reader *which, const uint8_t *data, size_t size);

/* End the process unless all are finite. */
void require_finite(const float *values, int count);

/* Parts of a stream for read_stream: a byte that says what, then what belongs to it. */
enum {
    STREAM_PACKET = 0, /* length (two bytes, high one first), packet    */
    STREAM_PLAY = 1,   /* steps of good audio: one byte                 */
    STREAM_LOSE = 2,   /* steps to conceal: one byte                    */
    STREAM_REWIND = 3, /* samples that were not played, in tens: a byte */
    STREAM_PARTS = 4
};

#endif
