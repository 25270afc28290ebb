/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Transform, bands, linear prediction and correlation against their definitions. */
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dred.h"
#include "dsp/burg.h"
#include "dsp/correlate.h"
#include "dsp/envelope.h"
#include "dsp/fft.h"
#include "dsp/lpc.h"
#include "dsp/postfilter.h"
#include "dsp/tables.h"

static const double pi = 3.14159265358979323846;

/* Uniform in +-1, from a linear congruential generator. */
static float noise(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return (float)(*seed >> 8) / 8388608.0f - 1;
}

static void test_fft(void) {
    float in[FFT_SIZE], re[FFT_BINS], im[FFT_BINS];
    uint32_t seed = 1;
    for (int n = 0; n < FFT_SIZE; n++) in[n] = noise(&seed);
    fft320_forward(in, re, im);
    double worst = 0;
    for (int k = 0; k < FFT_BINS; k++) {
        double sum_re = 0, sum_im = 0;
        for (int n = 0; n < FFT_SIZE; n++) {
            sum_re += in[n] * cos(2 * pi * k * n / FFT_SIZE);
            sum_im -= in[n] * sin(2 * pi * k * n / FFT_SIZE);
        }
        worst = fmax(worst, fabs(re[k] - sum_re / FFT_SIZE));
        worst = fmax(worst, fabs(im[k] - sum_im / FFT_SIZE));
    }
    CHECK_NEAR(worst, 0, 3e-8);
    float back[FFT_SIZE];
    fft320_inverse(re, im, back);
    worst = 0;
    for (int n = 0; n < FFT_SIZE; n++) worst = fmax(worst, fabs(back[n] - in[n]));
    CHECK_NEAR(worst, 0, 1e-6);
}

static void test_tables(void) {
    double window = 0, orthonormal = 0;
    for (int i = 0; i < 160; i++) { /* power complementary */
        double sum = pow(table_window[i], 2) + pow(table_window[159 - i], 2);
        window = fmax(window, fabs(sum - 1));
    }
    for (int i = 0; i < BANDS; i++) {
        for (int k = 0; k < BANDS; k++) {
            double sum = 0;
            for (int j = 0; j < BANDS; j++) {
                sum += (double)table_dct[BANDS * j + i] * table_dct[BANDS * j + k];
            }
            orthonormal = fmax(orthonormal, fabs(sum - (i == k)));
        }
    }
    CHECK_NEAR(window, 0, 1e-6);
    CHECK_NEAR(orthonormal, 0, 1e-6);
}

static void test_bands(void) {
    float power[BANDS_BINS], energy[BANDS], floored[BANDS], cepstrum[BANDS];
    for (int k = 0; k < BANDS_BINS; k++) power[k] = 1;
    bands_sum(power, energy);
    CHECK_NEAR(energy[0], 2 * (1 + 0.75 + 0.5 + 0.25), 1e-6); /* half triangle, doubled */
    CHECK_NEAR(energy[1], 4, 1e-6);
    CHECK_NEAR(energy[8], 2.5 + 3.5, 1e-6);  /* rises over 4 bins without its peak, falls over 8 */
    CHECK_NEAR(energy[17], 2 * 11.5, 1e-5);

    for (int i = 0; i < BANDS; i++) energy[i] = i == 0 ? 1e6f : 0;
    bands_floor(energy, floored);
    CHECK_NEAR(log10(floored[0]), 6, 1e-6);
    CHECK_NEAR(log10(floored[1]), 3.5, 1e-5);  /* 25 dB per band */
    CHECK_NEAR(log10(floored[3]), -1.5, 1e-5);
    CHECK_NEAR(log10(floored[4]), -2, 1e-5);   /* 80 dB below the maximum is also the floor */
    CHECK_NEAR(log10(floored[17]), -2, 1e-5);

    for (int i = 0; i < BANDS; i++) energy[i] = 0;
    bands_floor(energy, floored);
    bands_cepstrum(floored, cepstrum);
    CHECK_NEAR(cepstrum[0], -4 - 2 * sqrt(18), 1e-5);
    CHECK_NEAR(cepstrum[1], 0, 1e-6);
}

static void test_levinson(void) {
    /* Autocorrelation of a first-order process: one coefficient, the others 0. */
    double r[LPC_ORDER + 1] = {0};
    float a[LPC_ORDER];
    for (int n = 0; n <= LPC_ORDER; n++) r[n] = pow(0.9, n);
    lpc_levinson(r, a);
    CHECK_NEAR(a[0], -0.9, 1e-6);
    for (int k = 1; k < LPC_ORDER; k++) CHECK_NEAR(a[k], 0, 1e-6);

    /* 33 dB prediction gain in the first step: stops there. */
    for (int n = 0; n <= LPC_ORDER; n++) r[n] = cos(0.02 * n) * pow(0.99999, n);
    lpc_levinson(r, a);
    CHECK(a[0] < -0.999f);
    CHECK(a[1] == 0);

    memset(r, 0, sizeof r);
    lpc_levinson(r, a);
    for (int k = 0; k < LPC_ORDER; k++) CHECK(a[k] == 0);
}

static void test_residual(void) {
    float x[LPC_ORDER + 32] = {0}, a[LPC_ORDER], out[32];
    uint32_t seed = 7;
    x[LPC_ORDER + 3] = 2;
    for (int k = 0; k < LPC_ORDER; k++) a[k] = noise(&seed);
    lpc_residual(x + LPC_ORDER, a, out, 32);
    CHECK(out[2] == 0);
    CHECK(out[3] == 2);
    for (int k = 0; k < LPC_ORDER; k++) CHECK_NEAR(out[4 + k], 2 * a[k], 1e-6);
    CHECK(out[4 + LPC_ORDER] == 0);
}

static void test_burg(void) {
    float x[BURG_MAX_LENGTH], a[LPC_ORDER];
    /* A first-order process of noise: the first coefficient dominates. */
    uint32_t seed = 3;
    float last = 0;
    for (int n = 0; n < BURG_MAX_LENGTH; n++) x[n] = last = 0.8f * last + noise(&seed);
    float energy = burg_lpc(x, BURG_MAX_LENGTH, a);
    CHECK(a[0] < -0.5f && a[0] > -1.1f);
    CHECK(energy > 5 && energy < 40);

    /* A sinusoid is predictable beyond the maximum gain: stable, and 30 dB exactly. */
    double sum = 0, head = 0;
    for (int n = 0; n < BURG_MAX_LENGTH; n++) {
        x[n] = 1000 * sinf(0.3f * (float)n);
        sum += x[n] * x[n];
        if (n < LPC_ORDER) head += x[n] * x[n];
    }
    energy = burg_lpc(x, BURG_MAX_LENGTH, a);
    CHECK_NEAR(energy / (0.001 * (sum - head)), 1, 1e-3);
    CHECK_NEAR(a[2], 0, 0);

    memset(x, 0, sizeof x);
    energy = burg_lpc(x, BURG_MAX_LENGTH, a);
    CHECK(energy == 0);
    for (int k = 0; k < LPC_ORDER; k++) CHECK(a[k] == 0);
}

static void test_correlate(void) {
    float x[CORRELATE_LENGTH], y[CORRELATE_LAGS + CORRELATE_LENGTH], out[CORRELATE_LAGS];
    uint32_t seed = 11;
    for (int n = 0; n < CORRELATE_LENGTH; n++) x[n] = noise(&seed);
    for (int n = 0; n < CORRELATE_LAGS + CORRELATE_LENGTH; n++) y[n] = noise(&seed);
    for (int level = CPU_PORTABLE; level <= (int)cpu_best_level(); level++) {
        correlate((cpu_level)level, x, y, out);
        double worst = 0;
        for (int i = 0; i < CORRELATE_LAGS; i++) {
            double sum = 0;
            for (int n = 0; n < CORRELATE_LENGTH; n++) sum += (double)x[n] * y[n + i];
            worst = fmax(worst, fabs(out[i] - sum));
        }
        CHECK_NEAR(worst, 0, 1e-5);
    }
}

/* What comes out: as it was; and nearer to other energies, whatever they are. */
static void test_envelope(void) {
    enum { STEPS = 60, SAMPLES = (STEPS + 1) * ENVELOPE_STEP };
    static float in[1 + SAMPLES], emphasised[SAMPLES];
    float out[ENVELOPE_STEP], logs[BANDS], cepstrum[BANDS] = {0};
    uint32_t seed = 7;
    for (int n = 0; n < 1 + SAMPLES; n++)
        in[n] = 0.1f * noise(&seed);
    const float *pcm = in + 1;
    envelope_emphasise(pcm, SAMPLES, emphasised);
    envelope_state state;
    envelope_begin(&state, in[0], emphasised);
    double worst = 0;
    for (int i = 0; i < STEPS; i++) {
        envelope_step(&state, emphasised + i * ENVELOPE_STEP, NULL, out);
        for (int n = 0; n < ENVELOPE_STEP; n++)
            worst = fmax(worst, fabs(out[n] - pcm[i * ENVELOPE_STEP + n]));
    }
    CHECK_NEAR(worst, 0, 1e-6);

    const float wanted[] = {-30, 30, NAN}; /* far below, far above: 5 dB; no number: finite */
    for (int w = 0; w < 3; w++) {
        cepstrum[0] = wanted[w];
        bands_logs(cepstrum, logs);
        envelope_begin(&state, in[0], emphasised);
        double before = 0, after = 0;
        for (int i = 0; i < STEPS; i++) {
            envelope_step(&state, emphasised + i * ENVELOPE_STEP, logs, out);
            for (int n = 0; n < ENVELOPE_STEP && i > 1; n++) {
                before += pow(pcm[i * ENVELOPE_STEP + n], 2);
                after += pow(out[n], 2);
            }
        }
        double change = 10 * log10(after / before);
        if (w < 2)
            CHECK_NEAR(change, w == 0 ? -5 : 5, 0.05);
        else
            CHECK(isfinite(change));
    }
}

enum { POSTFILTER_SAMPLES = 320, POSTFILTER_SIGNAL = POSTFILTER_SAMPLES + 2 * POSTFILTER_REACH };

static double postfilter_change(const float *signal, int period, float voicing) {
    float out[POSTFILTER_SAMPLES];
    double change = 0, energy = 0;
    postfilter_block(signal + POSTFILTER_REACH, POSTFILTER_SAMPLES, POSTFILTER_REACH, period,
                     voicing, out);
    for (int n = 0; n < POSTFILTER_SAMPLES; n++) {
        change += pow(out[n] - signal[POSTFILTER_REACH + n], 2);
        energy += pow(signal[POSTFILTER_REACH + n], 2);
    }
    return change / energy;
}

/* What repeats passes, even with a period that is a little off; what does not is lowered. */
static void test_postfilter(void) {
    float pulses[POSTFILTER_SIGNAL], hiss[POSTFILTER_SIGNAL];
    uint32_t seed = 5;
    for (int n = 0; n < POSTFILTER_SIGNAL; n++) {
        pulses[n] = 1000.0f * (n % 100 < 3);
        hiss[n] = noise(&seed);
    }
    for (int period = 98; period <= 102; period++)
        CHECK_NEAR(postfilter_change(pulses, period, 1), 0, 1e-12);
    CHECK(postfilter_change(pulses, 110, 1) > 0.05);
    CHECK_NEAR(postfilter_change(hiss, 100, 1), 0.08 + 0.04, 0.03); /* (.4/1.4)^2 (1 + 1/2) */
    CHECK(postfilter_change(hiss, 100, 0.5f) < 0.6 * postfilter_change(hiss, 100, 1));
    const float none[] = {0, -1, NAN};
    for (int i = 0; i < 3; i++)
        CHECK(postfilter_change(hiss, 100, none[i]) == 0);
    CHECK(postfilter_change(hiss, 256, 1) > 0);
    CHECK_NEAR(postfilter_change(hiss, 300, 1), 0, 1e-12); /* out of reach */
    CHECK(postfilter_change(hiss, 100, 7) == postfilter_change(hiss, 100, 1));

    float out[POSTFILTER_SAMPLES];
    const float *block = hiss + POSTFILTER_REACH;
    CHECK(dred_postfilter(NULL, 1, POSTFILTER_REACH, 100, 1, out) == DRED_ERR_ARGUMENT);
    CHECK(dred_postfilter(block, 1, POSTFILTER_REACH, 100, 1, NULL) == DRED_ERR_ARGUMENT);
    CHECK(dred_postfilter(block, -1, POSTFILTER_REACH, 100, 1, out) == DRED_ERR_ARGUMENT);
    CHECK(dred_postfilter(block, 1, POSTFILTER_REACH, 0, 1, out) == DRED_ERR_ARGUMENT);
    CHECK(dred_postfilter(block, 1, POSTFILTER_REACH, POSTFILTER_REACH + 1, 1, out) ==
          DRED_ERR_ARGUMENT);
    CHECK(dred_postfilter(block, 0, POSTFILTER_REACH, 100, 1, out) == DRED_OK);
}

void test_dsp(void) {
    test_fft();
    test_envelope();
    test_postfilter();
    test_tables();
    test_bands();
    test_levinson();
    test_residual();
    test_burg();
    test_correlate();
}
