/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The acoustic features of a 10 ms step: signal processing joined with the pitch network; knows
 * nothing of latents and packets. */
#ifndef CODEC_FEATURES_H
#define CODEC_FEATURES_H

#include "dred.h"
#include "dsp/analysis.h"
#include "model/pitch_net.h"

typedef struct features_state { /* all zeros = reset */
    analysis_state analysis;
    pitch_net_state pitch;
} features_state;

/* pcm in +-1; out: 18 cepstrum, pitch, voicing, 16 LPC. */
void features_step(const pitch_net *net, features_state *state, const float pcm[DRED_STEP],
                   float out[DRED_ANALYSIS_SIZE]);
/* Burg cepstra, no memory between steps. pcm in +-1. */
void features_burg(const float pcm[DRED_STEP], float out[DRED_BURG_SIZE]);

#endif
