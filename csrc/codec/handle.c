/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How every handle that refers to models comes into being; knows nothing of what is inside. */
#include "codec/handle.h"

#include <stdlib.h>
#include <string.h>

void *handle_create(const dred_models *models, int networks, size_t size, int *error) {
    int code = DRED_OK;
    void *handle = NULL;
    if (!models) {
        code = DRED_ERR_ARGUMENT;
    } else if ((dred_models_networks(models) & networks) != networks) {
        code = DRED_ERR_MISSING;
    } else if (!(handle = calloc(1, size))) {
        code = DRED_ERR_MEMORY;
    } else {
        memcpy(handle, &models, sizeof(models));
    }
    if (error) *error = code;
    return handle;
}
