/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Which ways through the library were taken; the library is compiled with
 * -fsanitize-coverage=trace-pc, these tests are not. */
#ifndef FUZZ_COVERAGE_H
#define FUZZ_COVERAGE_H

/* Forget what was new. */
void coverage_begin(void);
/* Ways since then that were not taken before, from one basic block to the next. */
int coverage_fresh(void);

#endif
