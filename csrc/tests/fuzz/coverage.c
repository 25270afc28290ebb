/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables of pairs of basic blocks that followed each other; a few of them share a place. */
#include "coverage.h"

#include <stdint.h>

enum { PLACES = 1 << 18 };

static uint8_t tables[COVERAGE_TABLES][PLACES];
static uint8_t *taken = tables[0];
static uint32_t before;
static int fresh;

/* Called at the beginning of each basic block. */
void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void) {
    /* Relative, as programs are loaded to another place every time. */
    uintptr_t here = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&__sanitizer_cov_trace_pc;
    uint32_t block = (uint32_t)here * 2654435761u >> 8;
    uint32_t pair = (block ^ before) % PLACES;
    before = block >> 1;
    if (!taken[pair]) {
        taken[pair] = 1;
        fresh++;
    }
}

void coverage_begin(int table) {
    taken = tables[table];
    before = 0;
    fresh = 0;
}

int coverage_fresh(void) {
    return fresh;
}
