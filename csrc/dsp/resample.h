/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Streaming polyphase resampler between 16 kHz and the other Opus rates; its functions are the
 * dred_resampler_* of dred.h. Knows nothing of features and frames. */
#ifndef DSP_RESAMPLE_H
#define DSP_RESAMPLE_H

#include "dred.h"

enum { RESAMPLE_HALF = 16 }; /* half length of the filter in samples of the lower rate */

#endif
