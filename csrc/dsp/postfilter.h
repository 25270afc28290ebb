/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Pitch post-filter that looks both ways in time: noise between harmonics lowered; knows nothing of
 * where the pitch comes from. */
#ifndef DSP_POSTFILTER_H
#define DSP_POSTFILTER_H

enum {
    POSTFILTER_BLOCK = 320,
    POSTFILTER_REACH = 256, /* samples needed on both sides of a block: the longest period */
    POSTFILTER_SIGNAL = POSTFILTER_REACH + POSTFILTER_BLOCK + POSTFILTER_REACH
};

/* The block in the middle of a signal, each sample drawn towards those a period before and behind.
 * @param period samples, 32 to 256: about; the neighbourhood is searched for what is alike
 * @param voicing normalised correlation of neighbouring periods: below 0 counts as 0, above 1 as 1
 */
void postfilter_block(const float signal[POSTFILTER_SIGNAL], int period, float voicing,
                      float out[POSTFILTER_BLOCK]);

#endif
