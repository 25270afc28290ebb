/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pitch post-filter that looks both ways in time: noise between harmonics lowered; knows nothing of
 * where the pitch comes from. */
#ifndef DSP_POSTFILTER_H
#define DSP_POSTFILTER_H

enum { POSTFILTER_REACH = 256 }; /* at 16 kHz: the longest period */

/* A block, each sample drawn towards those a period before and behind; at any sample rate.
 * @param block   readable for `reach` samples on both sides
 * @param reach   samples: the longest period, 16 ms
 * @param period  samples: about; the neighbourhood is searched for what is alike
 * @param voicing normalised correlation of neighbouring periods: below 0 counts as 0, above 1 as 1 */
void postfilter_block(const float *block, int samples, int reach, int period, float voicing,
                      float *out);

#endif
