/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which instruction sets this processor and operating system offer; knows no kernel. */
#include "base/cpu.h"

#include <string.h>

#if defined(CPU_X86)

#include <cpuid.h>

static const char *const level_names[CPU_LEVELS] = {"portable", "sse41", "avx2", "avx512vnni"};

static int has_avx512vnni(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vnni");
}

/* Not every compiler's builtin knows this one by name. */
static int has_avxvnni(void) {
#if defined(CPU_KNOWS_AVXVNNI)
    enum { LEAF = 7, SUBLEAF = 1, AVX_VNNI = 1 << 4 };
    unsigned eax = 0, ebx, ecx, edx;
    return __get_cpuid_count(LEAF, SUBLEAF, &eax, &ebx, &ecx, &edx) && (eax & AVX_VNNI);
#else
    return 0;
#endif
}

int cpu_vnni_is_avx(void) { return !has_avx512vnni() && has_avxvnni(); }

cpu_level cpu_best_level(void) {
    /* The builtins ask XGETBV too, so an operating system without wide registers counts. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.1"))
        return CPU_PORTABLE;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return CPU_SSE41;
    return has_avx512vnni() || has_avxvnni() ? CPU_VNNI : CPU_AVX2;
}

#elif defined(CPU_ARM)

#ifdef __linux__
#include <sys/auxv.h>
#endif

static const char *const level_names[CPU_LEVELS] = {"portable", "neon", "dotprod"};

cpu_level cpu_best_level(void) {
#if defined(__ARM_FEATURE_DOTPROD)
    return CPU_DOTPROD; /* the compiler was told so, as on all Macs with this architecture */
#elif defined(__linux__)
    enum { ASIMDDP = 1 << 20 }; /* HWCAP_ASIMDDP of the kernel's interface */
    return getauxval(AT_HWCAP) & ASIMDDP ? CPU_DOTPROD : CPU_NEON;
#else
    return CPU_NEON;
#endif
}

#else

static const char *const level_names[CPU_LEVELS] = {"portable"};

cpu_level cpu_best_level(void) { return CPU_PORTABLE; }

#endif

const char *cpu_level_name(cpu_level level) {
#if defined(CPU_X86)
    if (level == CPU_VNNI && cpu_vnni_is_avx())
        return "avxvnni";
#endif
    return level_names[level];
}

int cpu_level_parse(const char *name) {
    for (int level = 0; level < CPU_LEVELS; level++)
        if (strcmp(name, cpu_level_name((cpu_level)level)) == 0)
            return level;
    return -1;
}
