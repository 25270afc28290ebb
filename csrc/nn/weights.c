/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reader of weight files: checks every record and finds arrays by name; knows no layer. */
#include "nn/weights.h"

#include "dred.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 64,        /* bytes before the data of a record                              */
    NAME_AT = 20,       /* magic, version, type, size and block size come before the name */
    NAME_SIZE = 44,
    ALIGNMENT = 64,     /* of blocks                                                      */
    MAX_RECORDS = 65536 /* a full set of networks has some 350                            */
};

static uint32_t read_u32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static int32_t read_i32(const uint8_t *p) {
    uint32_t bits = read_u32(p);
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int weights_fail(const weights_image *image, const char *layer, const char *suffix,
                 const char *problem) {
    if (image->message != NULL && image->capacity > 0)
        snprintf(image->message, image->capacity, "%s%s: %s", layer, suffix, problem);
    return DRED_ERR_MODEL;
}

static int fail_at(const weights_image *image, size_t position, const char *problem) {
    char where[48];
    snprintf(where, sizeof where, "record at byte %zu", position);
    return weights_fail(image, where, "", problem);
}

/* Names reach terminals and logs in messages: only plain identifiers pass. */
static int name_is_valid(const char *name) {
    if (name[0] == '\0' || memchr(name, '\0', NAME_SIZE) == NULL)
        return 0;
    for (; *name != '\0'; name++)
        if (!(*name >= 'a' && *name <= 'z') && !(*name >= 'A' && *name <= 'Z') &&
            !(*name >= '0' && *name <= '9') && *name != '_' && *name != '.' && *name != '-')
            return 0;
    return 1;
}

/* Read the header at `position` and move past its block; networks.md 2.7, items 1 and 2. */
static int read_record(const weights_image *image, const uint8_t *bytes, size_t total,
                       size_t *position, weights_record *record) {
    size_t left = total - *position;
    const uint8_t *header = bytes + *position;
    if (left < HEADER)
        return fail_at(image, *position, "the file ends inside a header");
    if (memcmp(header, "DNNw", 4) != 0)
        return fail_at(image, *position, "no weight record (magic DNNw missing)");
    memcpy(record->name, header + NAME_AT, NAME_SIZE);
    if (!name_is_valid(record->name))
        return fail_at(image, *position, "malformed name");
    int32_t version = read_i32(header + 4);
    int32_t type = read_i32(header + 8);
    int32_t size = read_i32(header + 12);
    int32_t block = read_i32(header + 16);
    if (version != 0)
        return weights_fail(image, record->name, "", "unknown record version");
    if (type < 0 || type >= WEIGHTS_TYPES)
        return weights_fail(image, record->name, "", "unknown data type");
    if (size <= 0 || block < size || block % ALIGNMENT != 0)
        return weights_fail(image, record->name, "", "impossible size");
    if ((size_t)block > left - HEADER)
        return weights_fail(image, record->name, "", "the file ends inside the data");
    record->type = (weights_type)type;
    record->size = (size_t)size;
    record->data = header + HEADER;
    *position += HEADER + (size_t)block;
    return DRED_OK;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const weights_record *)a)->name, ((const weights_record *)b)->name);
}

static int read_all(weights_image *image, const uint8_t *bytes, size_t size) {
    size_t position = 0, room = 0;
    while (position < size) {
        if (image->count == room) {
            if (room == MAX_RECORDS)
                return fail_at(image, position, "too many records");
            room = room == 0 ? 512 : 2 * room;
            weights_record *grown = realloc(image->records, room * sizeof *grown);
            if (grown == NULL)
                return DRED_ERR_MEMORY;
            image->records = grown;
        }
        int rc = read_record(image, bytes, size, &position, &image->records[image->count]);
        if (rc != DRED_OK)
            return rc;
        image->count++;
    }
    if (image->count == 0)
        return weights_fail(image, "weight file", "", "empty");
    qsort(image->records, image->count, sizeof *image->records, compare_names);
    for (size_t i = 1; i < image->count; i++)
        if (strcmp(image->records[i - 1].name, image->records[i].name) == 0)
            return weights_fail(image, image->records[i].name, "", "name occurs twice");
    return DRED_OK;
}

int weights_open(weights_image *image, const void *bytes, size_t size, char *message,
                 size_t capacity) {
    image->records = NULL;
    image->count = 0;
    image->message = message;
    image->capacity = capacity;
    int rc = read_all(image, bytes, size);
    if (rc != DRED_OK)
        weights_close(image);
    return rc;
}

void weights_close(weights_image *image) {
    free(image->records);
    image->records = NULL;
    image->count = 0;
}

static int compare_key(const void *key, const void *record) {
    return strcmp(key, ((const weights_record *)record)->name);
}

const weights_record *weights_find(const weights_image *image, const char *name) {
    return bsearch(name, image->records, image->count, sizeof *image->records, compare_key);
}

int weights_expect(const weights_image *image, const char *layer, const char *suffix,
                   weights_type type, size_t elements, int required,
                   const weights_record **found) {
    char name[2 * NAME_SIZE];
    snprintf(name, sizeof name, "%s%s", layer, suffix);
    *found = weights_find(image, name);
    if (*found == NULL)
        return required ? weights_fail(image, layer, suffix, "array missing") : DRED_OK;
    if ((*found)->type != type)
        return weights_fail(image, layer, suffix, "wrong data type");
    if ((*found)->size != elements * (type == WEIGHTS_INT8 ? 1 : 4))
        return weights_fail(image, layer, suffix, "wrong size");
    return DRED_OK;
}

int32_t weights_int(const weights_record *record, size_t index) {
    return read_i32(record->data + 4 * index);
}

float weights_float(const weights_record *record, size_t index) {
    uint32_t bits = read_u32(record->data + 4 * index);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
