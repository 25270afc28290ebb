/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Spectral envelope of a signal, brought nearer to given band energies; knows no networks and not
 * where the energies come from. */
#ifndef DSP_ENVELOPE_H
#define DSP_ENVELOPE_H

#include "dsp/bands.h"

enum { ENVELOPE_STEP = 160 };

typedef struct envelope_state {
    float last_out;            /* of the undoing of the pre-emphasis   */
    float tail[ENVELOPE_STEP]; /* share of what comes out next         */
} envelope_state;

/* Pre-emphasise on the 16-bit scale; reads the sample before pcm as well. */
void envelope_emphasise(const float *pcm, int samples, float *out);
/* Go on behind what stays as it is. last: the sample before the emphasised step, with which the
 * next block begins. */
void envelope_begin(envelope_state *state, float last, const float emphasised[ENVELOPE_STEP]);
/* Take a block of two pre-emphasised steps, each the second of one block and the first of the next;
 * give the first of them, in +-1.
 * logs: log10 band energies, as of the features, of the block; NULL: as they are. */
void envelope_step(envelope_state *state, const float block[2 * ENVELOPE_STEP],
                   const float logs[BANDS], float out[ENVELOPE_STEP]);

#endif
