/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The acoustic features of a 10 ms step: signal processing joined with the pitch network; knows
 * nothing of latents and packets. */
#include "codec/features.h"

#include <string.h>

#include "dsp/burg.h"

void features_step(const pitch_net *net, features_state *state, const float pcm[DRED_STEP],
                   float out[DRED_ANALYSIS_SIZE]) {
    analysis_result result;
    analysis_step(&state->analysis, net->kernels->level, pcm, &result);
    float pitch = pitch_net_step(net, &state->pitch, result.if_features, result.xcorr);
    memcpy(out, result.cepstrum, sizeof result.cepstrum);
    out[18] = pitch;
    out[19] = pitch_voicing(state->analysis.low_residual, pitch_period(pitch));
    memcpy(out + DRED_FEATURES, result.lpc, sizeof result.lpc);
}

void features_burg(const float pcm[DRED_STEP], float out[DRED_BURG_SIZE]) {
    float samples[DRED_STEP];
    analysis_samples(pcm, DRED_STEP, samples);
    burg_cepstra(samples, out);
}
