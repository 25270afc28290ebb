/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which instruction sets this processor and operating system offer; knows no kernel. */
#include "base/cpu.h"

#include <string.h>

static const char *const level_names[CPU_LEVELS] = {"portable", "avx2", "avx512vnni"};

cpu_level cpu_best_level(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    /* The builtins ask XGETBV too, so an operating system without wide registers counts. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return CPU_PORTABLE;
    if (__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vnni"))
        return CPU_AVX512VNNI;
    return CPU_AVX2;
#else
    return CPU_PORTABLE;
#endif
}

const char *cpu_level_name(cpu_level level) { return level_names[level]; }

int cpu_level_parse(const char *name) {
    for (int level = 0; level < CPU_LEVELS; level++)
        if (strcmp(name, level_names[level]) == 0)
            return level;
    return -1;
}
