/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The weight files of the package as read-only data of libdred; knows nothing of what they hold.
 *
 * Compiled by `make lib` only, which says with DRED_MODELS_FILE where the image is. The assembler
 * reads it (those for ELF and Windows know .incbin): no generated source of many megabytes, and as
 * the compiler writes the rest of the object, its stack stays not executable. */
#include "dred_builtin.h"

/* Named for the assembler, as some platforms put an underscore before the names of C. */
extern const unsigned char begin[] __asm__("builtin_begin");
extern const unsigned char end[] __asm__("builtin_end");

#ifdef _WIN32
#define READ_ONLY ".section .rdata,\"dr\"\n"
#else
#define READ_ONLY ".section .rodata\n.hidden builtin_begin, builtin_end\n"
#endif

__asm__(READ_ONLY
        ".balign 64\n"
        ".globl builtin_begin, builtin_end\n"
        "builtin_begin:\n"
        ".incbin \"" DRED_MODELS_FILE "\"\n"
        "builtin_end:\n"
        ".byte 0\n"
        ".text\n");

dred_models *dred_models_builtin(int *error) {
    size_t size = (size_t)((uintptr_t)end - (uintptr_t)begin);
    if (size > 0)
        return dred_models_create(begin, size, NULL, error, NULL, 0);
    if (error)
        *error = DRED_ERR_MISSING;
    return NULL;
}
