/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Burg's linear prediction and the Burg cepstra of the loss concealment; knows nothing of the
 * other features. */
#include "dsp/burg.h"

#include <math.h>
#include <string.h>

#include "dsp/vec4.h"
#include "dsp/fft.h"

enum { PADDING = 3 }; /* zeros behind a residual: a multiple of four samples is always there */

/* Raise the order of an error filter by one: a_k += reflection * a_(order + 1 - k). */
static void raise_order(float *a, int order, float reflection) {
    for (int k = 0; k < order / 2; k++) {
        float low = a[k], high = a[order - 1 - k];
        a[k] = low + reflection * high;
        a[order - 1 - k] = high + reflection * low;
    }
    if (order % 2) a[order / 2] += reflection * a[order / 2];
    a[order] = reflection;
}

typedef struct sums {
    float product, energy; /* of both together */
} sums;

/* Of two residuals with zeros behind them. */
static sums measure(const float *f, const float *b, int length) {
    vec4 product = {0}, energy = {0};
    for (int i = 0; i < length; i += 4) {
        vec4 ahead = vec4_load(f + i), behind = vec4_load(b + i);
        product += ahead * behind;
        energy += ahead * ahead + behind * behind;
    }
    return (sums){vec4_sum(product), vec4_sum(energy)};
}

/* Lattice form: f and b are the forward and backward residuals of the order reached. Loading the
 * covariance matrix with `load` on its diagonal adds load * (1 + sum a^2) to the energy of either,
 * and load * sum a_k a_(order + 1 - k) to their product. */
float burg_lpc(const float *x, int n, float a[LPC_ORDER]) {
    const float min_inverse_gain = 0.001f;
    float forward[BURG_MAX_LENGTH + PADDING] = {0}, backward[BURG_MAX_LENGTH + PADDING] = {0};
    memcpy(forward, x, (size_t)n * sizeof *x);
    memcpy(backward, x, (size_t)n * sizeof *x);
    for (int k = 0; k < LPC_ORDER; k++) a[k] = 0;
    float energy = vec4_dot(x, x, n), load = 1e-5f * energy + 1e-9f, inverse_gain = 1;
    for (int order = 0; order < LPC_ORDER; order++) {
        float *f = forward + order + 1, *b = backward; /* b[i] is one sample older than f[i] */
        int length = n - order - 1;
        b[length] = 0; /* padding, now */
        float square = 1, cross = 0;
        for (int k = 0; k < order; k++) {
            square += a[k] * a[k];
            cross += a[k] * a[order - 1 - k];
        }
        sums of = measure(f, b, length);
        float reflection = -2 * (of.product + load * cross) / (of.energy + 2 * load * square);
        float gain = inverse_gain * (1 - reflection * reflection);
        int limited = gain <= min_inverse_gain;
        if (limited) {
            reflection = copysignf(sqrtf(1 - min_inverse_gain / inverse_gain), reflection);
            gain = min_inverse_gain;
        }
        inverse_gain = gain;
        raise_order(a, order, reflection);
        if (limited) return (energy - vec4_dot(x, x, LPC_ORDER)) * inverse_gain;
        for (int i = 0; i < length; i += 4) {
            vec4 ahead = vec4_load(f + i), behind = vec4_load(b + i);
            vec4_store(f + i, ahead + vec4_set(reflection) * behind);
            vec4_store(b + i, behind + vec4_set(reflection) * ahead);
        }
    }
    return vec4_dot(forward + LPC_ORDER, forward + LPC_ORDER, n - LPC_ORDER);
}

/* Cepstrum of the spectral envelope of 80 samples. */
static void half_cepstrum(const float *samples, float cepstrum[BANDS]) {
    enum { HALF = 80, EMPHASISED = HALF - 1 };
    float emphasised[EMPHASISED], a[LPC_ORDER], response[FFT_SIZE] = {1};
    float re[FFT_BINS], im[FFT_BINS], power[BANDS_BINS], energy[BANDS], floored[BANDS];
    for (int n = 0; n < EMPHASISED; n++) emphasised[n] = samples[n + 1] - 0.85f * samples[n];
    float gain = burg_lpc(emphasised, EMPHASISED, a) / (HALF - 2 * (LPC_ORDER - 1));
    float widen = 1;
    for (int k = 0; k < LPC_ORDER; k++) {
        widen *= 0.995f;
        response[k + 1] = a[k] * widen;
    }
    fft320_forward(response, re, im);
    for (int k = 0; k < BANDS_BINS; k++) power[k] = 1 / (re[k] * re[k] + im[k] * im[k] + 1e-9f);
    bands_sum(power, energy);
    const float scale = 0.45f / ((float)FFT_SIZE * FFT_SIZE * FFT_SIZE);
    for (int i = 0; i < BANDS; i++) energy[i] *= scale * gain;
    bands_floor(energy, floored);
    bands_cepstrum(floored, cepstrum);
}

void burg_cepstra(const float samples[160], float out[BURG_SIZE]) {
    float first[BANDS], second[BANDS];
    half_cepstrum(samples, first);
    half_cepstrum(samples + 80, second);
    for (int i = 0; i < BANDS; i++) {
        out[i] = 0.5f * (first[i] + second[i]);
        out[BANDS + i] = first[i] - second[i];
    }
}
