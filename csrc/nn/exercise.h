/* SPDX-License-Identifier: BSD-3-Clause
 *
 * An int8 layer of random weights and its product over and over, for benchmarks; knows no network
 * and no clock. */
#ifndef NN_EXERCISE_H
#define NN_EXERCISE_H

#include "base/cpu.h"

#include <stdint.h>

/* @param inputs, outputs multiples of NN_COLS and NN_ROWS, at most 4096
 * @param density share of blocks kept, in percent: 100 dense, below: sparse
 * @return multiplications of one product, or -1 where memory is short                            */
int64_t exercise_product(cpu_level level, int inputs, int outputs, int density, int repeat);

#endif
