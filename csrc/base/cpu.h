/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which instruction sets this processor and operating system offer; knows no kernel. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

/* Ordered: a level includes all lower ones. */
typedef enum cpu_level {
    CPU_PORTABLE = 0,
    CPU_AVX2 = 1,
    CPU_AVX512VNNI = 2,
    CPU_LEVELS = 3
} cpu_level;

cpu_level cpu_best_level(void);
/* "portable", "avx2", "avx512vnni". Static storage. */
const char *cpu_level_name(cpu_level level);
/* Level of a name, or -1 for an unknown one. */
int cpu_level_parse(const char *name);

#endif
