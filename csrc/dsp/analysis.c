/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The signal processing of one feature step, the pitch network left out; knows nothing of
 * networks. */
#include "dsp/analysis.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "dsp/fft.h"
#include "dsp/vec4.h"
#include "dsp/window.h"

/* The residual is taken 80 samples late, so that it is centred where the spectrum is. */
enum { RESIDUAL_DELAY = 80 };

static inline vec4 scale(vec4 value) {
    const vec4 limit = {16, 16, 16, 16};
    const vec4_mask sign = {INT_MIN, INT_MIN, INT_MIN, INT_MIN};
    vec4 size = (vec4)((vec4_mask)value & ~sign);
    vec4_mask kept = (size >= vec4_set(1e-10f)) & (size <= FLT_MAX); /* not NaN */
    vec4_mask over = size > limit;
    vec4_mask limited = (over & (vec4_mask)limit) | (~over & (vec4_mask)size);
    return 32768 * (vec4)(kept & (limited | ((vec4_mask)value & sign)));
}

float analysis_sample(float value) { return scale((vec4){value})[0]; }

void analysis_samples(const float *pcm, int samples, float *out) {
    int n = 0;
    for (; n + 4 <= samples; n += 4) vec4_store(out + n, scale(vec4_load(pcm + n)));
    for (; n < samples; n++) out[n] = analysis_sample(pcm[n]);
}

void analysis_emphasise(const float *pcm, int samples, float last, float *out) {
    int n = samples;
    analysis_samples(pcm, samples, out);
    for (; n > 4; n -= 4) { /* from the end: each sample is read before it changes */
        vec4 before = vec4_load(out + n - 5);
        vec4_store(out + n - 4, vec4_load(out + n - 4) - vec4_set(ANALYSIS_PREEMPHASIS) * before);
    }
    for (; n > 1; n--) out[n - 1] -= ANALYSIS_PREEMPHASIS * out[n - 2];
    if (n > 0) out[0] -= ANALYSIS_PREEMPHASIS * last;
}

/* Append a step to a buffer of 256 past and 160 current samples: room for it at the end. */
static float *next_frame(float buffer[PITCH_BUFFER]) {
    memmove(buffer, buffer + PITCH_FRAME, PITCH_MAX_PERIOD * sizeof(float));
    return buffer + PITCH_MAX_PERIOD;
}

static void residuals(analysis_state *state, const float block[FFT_SIZE],
                      const float lpc[LPC_ORDER]) {
    float residual[PITCH_FRAME];
    lpc_residual(block + FFT_SIZE / 2 - RESIDUAL_DELAY, lpc, residual, PITCH_FRAME);
    float *excitation = next_frame(state->excitation), *low = next_frame(state->low_residual);
    excitation[0] = residual[0] + 0.7f * state->last_residual;
    for (int n = 1; n < PITCH_FRAME; n++) excitation[n] = residual[n] + 0.7f * residual[n - 1];
    state->last_residual = residual[PITCH_FRAME - 1];
    /* Elliptic low-pass of second order at 1200 Hz, transposed direct form. */
    float s0 = state->lowpass[0], s1 = state->lowpass[1];
    for (int n = 0; n < PITCH_FRAME; n++) {
        float y = residual[n] + s0;
        s0 = s1 - 0.84946f * residual[n] + 1.54220f * y;
        s1 = residual[n] - 0.70781f * y;
        low[n] = y;
    }
    /* In digital silence the filter would ring on in denormal numbers. */
    state->lowpass[0] = fabsf(s0) < 1e-12f ? 0 : s0;
    state->lowpass[1] = fabsf(s1) < 1e-12f ? 0 : s1;
}

void analysis_step(analysis_state *state, cpu_level level, const float pcm[ANALYSIS_STEP],
                   analysis_result *result) {
    float block[FFT_SIZE], windowed[FFT_SIZE], re[FFT_BINS], im[FFT_BINS], power[BANDS_BINS];
    float energy[BANDS], floored[BANDS];
    memcpy(block, state->overlap, sizeof state->overlap);
    analysis_emphasise(pcm, ANALYSIS_STEP, state->last_sample, block + ANALYSIS_STEP);
    state->last_sample = analysis_sample(pcm[ANALYSIS_STEP - 1]);
    memcpy(state->overlap, block + ANALYSIS_STEP, sizeof state->overlap);

    window_apply(block, windowed); /* the last step and this one */
    fft320_forward(windowed, re, im);
    for (int k = 0; k < BANDS_BINS; k++) power[k] = re[k] * re[k] + im[k] * im[k];
    bands_sum(power, energy);
    bands_floor(energy, floored);
    bands_cepstrum(floored, result->cepstrum);
    lpc_from_bands(floored, result->lpc);

    pitch_if_features(re, im, state->last_re, state->last_im, result->if_features);
    memcpy(state->last_re, re, sizeof state->last_re);
    memcpy(state->last_im, im, sizeof state->last_im);

    residuals(state, block, result->lpc);
    pitch_xcorr_features(level, state->excitation, result->xcorr);
}
