/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Memory that begins at a cache line, made of malloc: Windows has no aligned_alloc. Knows nothing
 * of what it holds. */
#ifndef BASE_ALIGNED_H
#define BASE_ALIGNED_H

#include <stdint.h>
#include <stdlib.h>

enum { ALIGNED_TO = 64 };

/* The next multiple. */
static inline size_t aligned_size(size_t size) {
    return (size + ALIGNED_TO - 1) / ALIGNED_TO * ALIGNED_TO;
}

/* To be given back with aligned_give. @return NULL where there is no memory */
static inline void *aligned_take(size_t size) {
    uint8_t *block = size > SIZE_MAX - ALIGNED_TO ? NULL : malloc(size + ALIGNED_TO);
    if (block == NULL)
        return NULL;
    size_t skipped = ALIGNED_TO - (uintptr_t)block % ALIGNED_TO; /* 1 or more */
    block[skipped - 1] = (uint8_t)skipped;
    return block + skipped;
}

static inline void aligned_give(void *memory) {
    uint8_t *begin = memory;
    if (begin != NULL)
        free(begin - begin[-1]);
}

#endif
