/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the pitch network sees, and the voicing feature; knows nothing of the network. */
#include "dsp/pitch_features.h"

#include <math.h>

#include "dsp/correlate.h"
#include "dsp/vec4.h"

static float level_feature(float power) {
    float level = (10 * log10f(1e-15f + power) - 6) / 64;
    level = level < -1 ? -1 : level;
    return level > 1 ? 1 : level;
}

void pitch_if_features(const float re[PITCH_IF_BINS], const float im[PITCH_IF_BINS],
                       const float last_re[PITCH_IF_BINS], const float last_im[PITCH_IF_BINS],
                       float out[PITCH_IF_SIZE]) {
    out[0] = level_feature(re[0] * re[0]);
    for (int k = 1; k < PITCH_IF_BINS; k++) {
        float turn_re = re[k] * last_re[k] + im[k] * last_im[k];
        float turn_im = im[k] * last_re[k] - re[k] * last_im[k];
        float scale = 1 / sqrtf(1e-15f + turn_re * turn_re + turn_im * turn_im);
        out[3 * k - 2] = scale * turn_re;
        out[3 * k - 1] = scale * turn_im;
        out[3 * k] = level_feature(re[k] * re[k] + im[k] * im[k]);
    }
}

void pitch_xcorr_features(cpu_level level, const float buffer[PITCH_BUFFER],
                          float out[PITCH_XCORR_SIZE]) {
    const float *current = buffer + PITCH_MAX_PERIOD;
    float energy = 1 + vec4_dot(current, current, PITCH_FRAME), norm[PITCH_XCORR_SIZE];
    /* Double, since in float the sliding energy collects errors when a loud signal ends. */
    double square[PITCH_XCORR_SIZE + PITCH_FRAME], partial[4] = {0};
    for (int i = 0; i < PITCH_XCORR_SIZE + PITCH_FRAME; i++) {
        square[i] = (double)buffer[i] * buffer[i];
    }
    for (int n = 0; n < PITCH_FRAME; n++) partial[n % 4] += square[n];
    double past_energy = (partial[0] + partial[1]) + (partial[2] + partial[3]);
    for (int i = 0; i < PITCH_XCORR_SIZE; i++) {
        norm[i] = energy + (float)past_energy;
        past_energy += square[i + PITCH_FRAME] - square[i];
    }
    /* Index i is lag 256 - i, which pairs current[n] with buffer[n + i]. */
    correlate(level, current, buffer, out);
    for (int i = 0; i < PITCH_XCORR_SIZE; i++) out[i] = 2 * out[i] / norm[i];
}

int pitch_period(float pitch) {
    if (!(pitch > -1.5f)) return PITCH_MAX_PERIOD; /* NaN, too */
    if (pitch > 1.5f) return PITCH_MIN_PERIOD;
    return (int)floorf(0.5f + PITCH_MAX_PERIOD / exp2f(pitch + 1.5f));
}

float pitch_voicing(const float buffer[PITCH_BUFFER], int period) {
    const float *current = buffer + PITCH_MAX_PERIOD, *past = current - period;
    float xx = vec4_dot(current, current, PITCH_FRAME);
    float yy = vec4_dot(past, past, PITCH_FRAME);
    float xy = vec4_dot(current, past, PITCH_FRAME);
    float correlation = xy / (float)sqrt(1 + (double)xx * yy);
    return logf(1 + expf(5 * correlation)) / logf(1 + expf(5)) - 0.5f;
}
