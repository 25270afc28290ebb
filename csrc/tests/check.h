/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The smallest test runner that names the failing line; knows nothing of what it tests. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>

extern int check_failures;
extern int check_count;

#define CHECK(condition)                                                              \
    do {                                                                              \
        check_count++;                                                                \
        if (!(condition)) {                                                           \
            check_failures++;                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);   \
        }                                                                             \
    } while (0)

#define CHECK_NEAR(value, expected, tolerance)                                        \
    do {                                                                              \
        double check_value = (value), check_expected = (expected);                    \
        check_count++;                                                                \
        if (!(fabs(check_value - check_expected) <= (tolerance))) {                   \
            check_failures++;                                                         \
            fprintf(stderr, "%s:%d: failed: %s = %g, expected %g +- %g\n", __FILE__,  \
                    __LINE__, #value, check_value, check_expected, (double)(tolerance)); \
        }                                                                             \
    } while (0)

#endif
