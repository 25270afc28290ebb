/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which ways through the library were taken; the library is compiled with
 * -fsanitize-coverage=trace-pc, these tests are not. */
#ifndef FUZZ_COVERAGE_H
#define FUZZ_COVERAGE_H

enum { COVERAGE_TABLES = 8 };

/* Forget what was new, and count from here on in one of the tables, 0 to COVERAGE_TABLES - 1. */
void coverage_begin(int table);
/* Ways since then that were not taken before, from one basic block to the next. */
int coverage_fresh(void);

#endif
