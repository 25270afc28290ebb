/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Streaming polyphase resampler between 16 kHz and the other Opus rates; its functions are the
 * dred_resampler_* of dred.h. Knows nothing of features and frames. */
#ifndef DSP_RESAMPLE_H
#define DSP_RESAMPLE_H

#include "dred.h"

/* Half length of the filter in samples of the lower rate. At 8 kHz it is shorter: a sender there must
 * not wait longer than the 24 samples of 16 kHz that its latents lag behind a packet. */
enum { RESAMPLE_HALF = 16, RESAMPLE_HALF_8K = 12 };

#endif
