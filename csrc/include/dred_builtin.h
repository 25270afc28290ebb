/* SPDX-License-Identifier: BSD-3-Clause
 *
 * dred_builtin.h - the models inside libdred. Only the C library has them: the Python package
 * brings its own files. */
#ifndef DRED_BUILTIN_H
#define DRED_BUILTIN_H

#include "dred.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Load the networks that were built into the library, with the best kernels of this processor.
 * @param error receives a dred_error, may be NULL; DRED_ERR_MISSING where none were built in */
DRED_API dred_models *dred_models_builtin(int *error);

#ifdef __cplusplus
}
#endif

#endif
