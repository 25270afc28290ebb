/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Band energies, their floored logarithm and its cepstrum; knows nothing of windows, pitch and
 * LPC. */
#include "dsp/bands.h"

#include <math.h>

#include "dsp/tables.h"
#include "dsp/vec4.h"

static const int edges[BANDS] = {0,  4,  8,  12, 16, 20, 24,  28,  32,
                                 40, 48, 56, 64, 80, 96, 112, 136, 160};

/* fmaxf of the library is a call, because of its rules for NaN. */
static inline float larger(float a, float b) { return a > b ? a : b; }

void bands_sum(const float power[BANDS_BINS], float energy[BANDS]) {
    float rising = 0;
    for (int i = 0; i < BANDS - 1; i++) {
        int width = edges[i + 1] - edges[i];
        const float *bin = power + edges[i];
        vec4 slope = vec4_set(1.0f / (float)width);
        vec4 weight = slope * (vec4){0, 1, 2, 3}, falling = {0}, next = {0};
        for (int j = 0; j < width; j += 4, weight += 4 * slope) { /* widths are multiples of 4 */
            vec4 power4 = vec4_load(bin + j);
            falling += (1 - weight) * power4;
            next += weight * power4;
        }
        energy[i] = rising + vec4_sum(falling);
        rising = vec4_sum(next);
    }
    energy[BANDS - 1] = rising;
    /* The outer bands are half triangles. */
    energy[0] *= 2;
    energy[BANDS - 1] *= 2;
}

/* The specification limits logarithms; the same limits on energies spare the way back, which the
 * LPC needs: 10^L of the specification is `floored`. */
void bands_floor(const float energy[BANDS], float floored[BANDS]) {
    const float fall = 3.16227766e-3f; /* 25 dB per band */
    const float range = 1e-8f;         /* 80 dB below the running maximum */
    const float absolute = 0.01f;
    float maximum = absolute, follow = absolute;
    for (int i = 0; i < BANDS; i++) {
        float value = larger(absolute + energy[i], larger(fall * follow, range * maximum));
        maximum = larger(maximum, value);
        follow = larger(fall * follow, value);
        floored[i] = value;
    }
}

void bands_cepstrum(const float floored[BANDS], float cepstrum[BANDS]) {
    float sum[BANDS] = {-4};
    for (int j = 0; j < BANDS; j++) {
        float level = log10f(floored[j]);
        for (int i = 0; i < BANDS; i++) sum[i] += level * table_dct[BANDS * j + i];
    }
    for (int i = 0; i < BANDS; i++) cepstrum[i] = sum[i];
}

void bands_logs(const float cepstrum[BANDS], float logs[BANDS]) {
    for (int j = 0; j < BANDS; j++) {
        float sum = 4 * table_dct[BANDS * j];
        for (int i = 0; i < BANDS; i++) sum += cepstrum[i] * table_dct[BANDS * j + i];
        logs[j] = sum;
    }
}

void bands_spread(const float value[BANDS], float bins[BANDS_BINS + 1]) {
    for (int i = 0; i < BANDS - 1; i++) {
        int width = edges[i + 1] - edges[i];
        float slope = (value[i + 1] - value[i]) / (float)width;
        for (int j = 0; j < width; j++) bins[edges[i] + j] = value[i] + (float)j * slope;
    }
    bins[BANDS_BINS] = value[BANDS - 1];
}
