/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Inputs that are worth changing; knows no reader. */
#ifndef FUZZ_CORPUS_H
#define FUZZ_CORPUS_H

#include <stddef.h>
#include <stdint.h>

typedef struct input {
    uint8_t *data;
    size_t size;
} input;

typedef struct corpus {
    input *inputs;
    size_t count, room, bytes;
} corpus;

/* Keep a copy, as long as there are not too many bytes of them. */
void corpus_add(corpus *kept, const void *data, size_t size);
/* Add the bytes of a file of at most `largest` bytes. @return 0 where it cannot be read */
int corpus_add_file(corpus *kept, const char *path, size_t largest);
/* Add all files of a folder. @return how many, or -1 where it cannot be read */
int corpus_add_folder(corpus *kept, const char *path, size_t largest);

#endif
