/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Runs every C unit test named in list.h; the exit code is 1 if any check failed. */
#include "check.h"

int check_failures;
int check_count;

#define TEST(module) void test_##module(void);
#include "list.h"
#undef TEST

int main(void) {
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
