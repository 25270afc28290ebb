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
    CPU_AVX512VNNI,
#elif defined(CPU_ARM)
    CPU_NEON,
    CPU_DOTPROD,
#endif
    CPU_LEVELS
} cpu_level;

cpu_level cpu_best_level(void);
/* "portable", "sse41", "avx2", "avx512vnni", "neon", "dotprod". Static storage. */
const char *cpu_level_name(cpu_level level);
/* Level of a name, or -1 for one unknown on this architecture. */
int cpu_level_parse(const char *name);

#endif
