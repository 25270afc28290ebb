/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs every C unit test named in list.h; the exit code is 1 if any check failed, 2 if the best
 * kernels are not those of the level that the argument, if there is one, asks for. */
#include "base/cpu.h"
#include "check.h"

#include <string.h>

int check_failures;
int check_count;

#define TEST(module) void test_##module(void);
#include "list.h"
#undef TEST

int main(int argc, char **argv) {
    const char *best = cpu_level_name(cpu_best_level());
    printf("kernels up to %s\n", best);
    if (argc > 1 && strcmp(argv[1], best) != 0) {
        printf("%s was asked for\n", argv[1]);
        return 2;
    }
#define TEST(module)                                                          \
    do {                                                                      \
        int before = check_failures;                                          \
        test_##module();                                                      \
        printf("%s %s\n", check_failures == before ? "ok  " : "FAIL", #module); \
    } while (0);
#include "list.h"
#undef TEST
    printf("%d checks, %d failed\n", check_count, check_failures);
    return check_failures != 0;
}
