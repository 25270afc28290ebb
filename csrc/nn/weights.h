/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reader of weight files: checks every record and finds arrays by name; knows no layer. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

typedef enum weights_type {
    WEIGHTS_FLOAT = 0,
    WEIGHTS_INT = 1,
    WEIGHTS_QWEIGHT = 2,
    WEIGHTS_INT8 = 3,
    WEIGHTS_TYPES = 4
} weights_type;

typedef struct weights_record {
    char name[44];
    weights_type type;
    size_t size; /* bytes */
    const uint8_t *data; /* inside the image, any alignment */
} weights_record;

/* A list of records over the caller's bytes, which must stay until weights_close. */
typedef struct weights_image {
    weights_record *records; /* sorted by name */
    size_t count;
    char *message; /* caller's buffer for one line about the first error */
    size_t capacity;
} weights_image;

/* Parse the whole file. Allocates the list. @return DRED_OK, DRED_ERR_MODEL or DRED_ERR_MEMORY */
int weights_open(weights_image *image, const void *bytes, size_t size, char *message,
                 size_t capacity);
void weights_close(weights_image *image);

/* The record of this name, or NULL. */
const weights_record *weights_find(const weights_image *image, const char *name);
/* The record `layer` + `suffix`, which must have this type and number of elements.
 * @param found receives the record, or NULL where there is none and it may be absent
 * @return DRED_OK or DRED_ERR_MODEL                                                  */
int weights_expect(const weights_image *image, const char *layer, const char *suffix,
                   weights_type type, size_t elements, int required,
                   const weights_record **found);
/* Write the message "<layer><suffix>: <problem>". @return DRED_ERR_MODEL */
int weights_fail(const weights_image *image, const char *layer, const char *suffix,
                 const char *problem);

/* Element of a record: little-endian, any alignment. */
int32_t weights_int(const weights_record *record, size_t index);
float weights_float(const weights_record *record, size_t index);

#endif
