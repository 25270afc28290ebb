/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the core itself writes, and networks of random weights: to begin with. */
#ifndef FUZZ_SEEDS_H
#define FUZZ_SEEDS_H

#include "corpus.h"

/* @param kept one for each of `readers` */
void add_seeds(corpus *kept);

#endif
