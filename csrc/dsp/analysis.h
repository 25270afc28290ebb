/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The signal processing of one feature step (features.md sections 3 to 8), the pitch network left
 * out; knows nothing of networks. */
#ifndef DSP_ANALYSIS_H
#define DSP_ANALYSIS_H

#include "dsp/lpc.h"
#include "dsp/pitch_features.h"

enum { ANALYSIS_STEP = 160 };

static const float ANALYSIS_PREEMPHASIS = 0.85f;

typedef struct analysis_state { /* all zeros = reset */
    float last_sample;                 /* pre-emphasis                                    */
    float overlap[ANALYSIS_STEP];      /* pre-emphasised samples of the last step         */
    float last_re[PITCH_IF_BINS];      /* low bins of the last spectrum                   */
    float last_im[PITCH_IF_BINS];
    float last_residual;               /* for the zero at -0.7 of the excitation          */
    float lowpass[2];
    float excitation[PITCH_BUFFER];    /* past 256 samples, then the current 160          */
    float low_residual[PITCH_BUFFER];
} analysis_state;

typedef struct analysis_result {
    float cepstrum[BANDS];
    float lpc[LPC_ORDER];
    float if_features[PITCH_IF_SIZE];
    float xcorr[PITCH_XCORR_SIZE];
} analysis_result;

/* The sample on the 16-bit scale; 0 where it is no finite number. Limited to 24 dB above full scale
 * and zero 200 dB below it, so that no square or sum that follows can overflow or become a
 * denormal number, which would take many times as long. */
float analysis_sample(float value);
void analysis_samples(const float *pcm, int samples, float *out);
/* The same and pre-emphasised. last: the sample before pcm, on the 16-bit scale as well. */
void analysis_emphasise(const float *pcm, int samples, float last, float *out);
/* pcm in +-1. The level must not exceed cpu_best_level(). */
void analysis_step(analysis_state *state, cpu_level level, const float pcm[ANALYSIS_STEP],
                   analysis_result *result);

#endif
