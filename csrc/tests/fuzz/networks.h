/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Small networks of random weights, made at the first use; knows no input. */
#ifndef FUZZ_NETWORKS_H
#define FUZZ_NETWORKS_H

#include "dred.h"

const dred_models *fuzz_networks(void);

#endif
