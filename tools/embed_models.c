/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The weight files of the package as read-only data of libdred; knows nothing of what they hold.
 *
 * Compiled by `make lib` only, which says with DRED_MODELS_FILE where the image is. The assembler
 * reads it (every ELF assembler knows .incbin): no generated source of many megabytes, and as the
 * compiler writes the rest of the object, its stack stays not executable. */
#include "dred_builtin.h"

extern const unsigned char dred_builtin_begin[] __attribute__((visibility("hidden")));
extern const unsigned char dred_builtin_end[] __attribute__((visibility("hidden")));

__asm__(".pushsection .rodata\n"
        ".balign 64\n"
        ".globl dred_builtin_begin, dred_builtin_end\n"
        ".hidden dred_builtin_begin, dred_builtin_end\n"
        "dred_builtin_begin:\n"
        ".incbin \"" DRED_MODELS_FILE "\"\n"
        "dred_builtin_end:\n"
        ".byte 0\n"
        ".popsection\n");

dred_models *dred_models_builtin(int *error) {
    size_t size = (size_t)((uintptr_t)dred_builtin_end - (uintptr_t)dred_builtin_begin);
    if (size > 0)
        return dred_models_create(dred_builtin_begin, size, NULL, error, NULL, 0);
    if (error)
        *error = DRED_ERR_MISSING;
    return NULL;
}
