/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Between forbid_allocation and allow_allocation, the allocator aborts; knows no codec. */
#include "forbid_allocation.h"

#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *old);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *old);

static int forbidden;

static void expect_allowed(const char *function) {
    if (!forbidden)
        return;
    fprintf(stderr, "%s called where nothing may be allocated\n", function);
    abort();
}

void forbid_allocation(void) { forbidden = 1; }
void allow_allocation(void) { forbidden = 0; }

void *__wrap_malloc(size_t size) {
    expect_allowed("malloc");
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    expect_allowed("calloc");
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    expect_allowed("realloc");
    return __real_realloc(old, size);
}

void __wrap_free(void *old) {
    expect_allowed("free");
    __real_free(old);
}
