/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How every handle that refers to models comes into being; knows nothing of what is inside. */
#ifndef CODEC_HANDLE_H
#define CODEC_HANDLE_H

#include "dred.h"

/* A zeroed object of `size` bytes whose first member is `const dred_models *`, or NULL and an error
 * where an argument is missing, the models lack one of `networks`, or memory is short. */
void *handle_create(const dred_models *models, int networks, size_t size, int *error);

#endif
