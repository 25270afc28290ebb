/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Changes inputs at random, from a seed; knows no reader. */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include "corpus.h"

typedef struct chance {
    uint64_t state; /* not 0 */
} chance;

/* 0..below-1 */
size_t pick(chance *random, size_t below);
/* A changed copy of one of the inputs.
 * @param out [room]
 * @return bytes written */
size_t mutate(chance *random, const corpus *kept, uint8_t *out, size_t room);

#endif
