/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Spectral envelope of a signal, brought nearer to given band energies; knows no networks and not
 * where the energies come from. */
#ifndef DSP_ENVELOPE_H
#define DSP_ENVELOPE_H

#include "dsp/bands.h"

enum { ENVELOPE_STEP = 160, ENVELOPE_PAST = ENVELOPE_STEP + 1 };

typedef struct envelope_state {
    float last_in, last_out;         /* pre-emphasis and its undoing                        */
    float emphasised[ENVELOPE_STEP]; /* the last step, pre-emphasised, on the 16-bit scale  */
    float tail[ENVELOPE_STEP];       /* its share of what comes out next                    */
} envelope_state;

/* Go on behind samples that stay as they are. */
void envelope_begin(envelope_state *state, const float past[ENVELOPE_PAST]);
/* Take a step, give the one before it (after `envelope_begin`: the last of the past).
 * logs: log10 band energies, as of the features, of the 320 samples of both; NULL: as they are. */
void envelope_step(envelope_state *state, const float pcm[ENVELOPE_STEP], const float logs[BANDS],
                   float out[ENVELOPE_STEP]);

#endif
