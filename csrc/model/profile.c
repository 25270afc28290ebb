/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Profiles of weight files, checked so that no payload can make the coder misbehave; knows no
 * bytes of a payload. */
#include "model/profile.h"

#include <string.h>

static const char version_array[] = "profile_version";
static const char *const table_array[2] = {"profile_latent", "profile_state"};

const uint8_t *profile_row(const dred_profile *profile, int table, int kind, int level) {
    return kind == PROFILE_STATE ? profile->state[table][level] : profile->latent[table][level];
}

int profile_present(const weights_image *image) {
    return weights_find(image, version_array) != NULL ||
           weights_find(image, table_array[PROFILE_LATENT]) != NULL ||
           weights_find(image, table_array[PROFILE_STATE]) != NULL;
}

/* Find the coded dimensions of one kind. @return 1, or 0 where the coder cannot use the tables */
static int find_coded(dred_profile *profile, int kind, int dimensions) {
    for (int level = 0; level < DRED_LEVELS; level++) {
        const uint8_t *scale = profile_row(profile, DRED_TABLE_SCALE, kind, level);
        const uint8_t *decay = profile_row(profile, DRED_TABLE_DECAY, kind, level);
        const uint8_t *p0 = profile_row(profile, DRED_TABLE_P0, kind, level);
        profile->coded[kind][level] = 0;
        for (int i = 0; i < dimensions; i++) {
            if (decay[i] == 0 || p0[i] == 255)
                continue;
            if (scale[i] == 0 || p0[i] == 0)
                return 0;
            profile->coded[kind][level] |= (uint64_t)1 << i;
        }
    }
    return 1;
}

static int load_tables(dred_profile *profile, int kind, uint8_t *tables, int dimensions,
                       const weights_image *image) {
    const weights_record *record;
    size_t size = (size_t)4 * DRED_LEVELS * (size_t)dimensions;
    int rc = weights_expect(image, table_array[kind], "", WEIGHTS_INT8, size, 1, &record);
    if (rc != DRED_OK)
        return rc;
    memcpy(tables, record->data, size);
    if (!find_coded(profile, kind, dimensions))
        return weights_fail(image, table_array[kind], "",
                            "a coded dimension has no step or no zero");
    return DRED_OK;
}

int profile_load(dred_profile *profile, const weights_image *image) {
    const weights_record *record;
    if (!profile_present(image)) {
        *profile = profile_opus;
        return DRED_OK;
    }
    int rc = weights_expect(image, version_array, "", WEIGHTS_INT, 1, 1, &record);
    if (rc != DRED_OK)
        return rc;
    profile->version = weights_int(record, 0);
    if (profile->version < DRED_OWN_VERSIONS || profile->version > 255)
        return weights_fail(image, version_array, "", "a profile of one's own is 128 to 255");
    rc = load_tables(profile, PROFILE_LATENT, &profile->latent[0][0][0], DRED_LATENT_DIM, image);
    if (rc == DRED_OK)
        rc = load_tables(profile, PROFILE_STATE, &profile->state[0][0][0], DRED_STATE_DIM, image);
    return rc;
}
