/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which instruction sets this processor and operating system offer; knows no kernel. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#if defined(__x86_64__) && defined(__GNUC__)
#define CPU_X86 1
#elif defined(__aarch64__) && defined(__GNUC__)
#define CPU_ARM 1
#endif

/* The levels of this architecture, ordered: each includes all lower ones. */
typedef enum cpu_level {
    CPU_PORTABLE = 0,
#if defined(CPU_X86)
    CPU_SSE41,
    CPU_AVX2, /* with FMA */
    CPU_VNNI, /* dot products of bytes, of AVX-512 or of AVX (AVX-VNNI) */
#elif defined(CPU_ARM)
    CPU_NEON,
    CPU_DOTPROD,
#endif
    CPU_LEVELS
} cpu_level;

/* Compilers that can write the dot products of AVX. */
#if defined(CPU_X86) && ((defined(__clang__) && __clang_major__ >= 12) || \
                         (!defined(__clang__) && __GNUC__ >= 11))
#define CPU_KNOWS_AVXVNNI 1
#endif

cpu_level cpu_best_level(void);
#if defined(CPU_X86)
/* 1 where CPU_VNNI means AVX-VNNI, as this processor has no AVX-512. */
int cpu_vnni_is_avx(void);
#endif
/* "portable", "sse41", "avx2", "avx512vnni" or "avxvnni", "neon", "dotprod". Static storage. */
const char *cpu_level_name(cpu_level level);
/* Level of a name, or -1 for one unknown on this architecture; of the two that CPU_VNNI may have
 * only that of this processor is known. */
int cpu_level_parse(const char *name);

#endif
