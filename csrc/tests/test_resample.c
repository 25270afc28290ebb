/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The resampler: alignment, flatness, rejection, streaming and misuse. */
#include <stdint.h>
#include <string.h>

#include "check.h"
#include "dsp/resample.h"

static const double pi = 3.14159265358979323846;
static const int pairs[][2] = {{16000, 8000},  {16000, 12000}, {16000, 24000}, {16000, 48000},
                               {8000, 16000},  {12000, 16000}, {24000, 16000}, {48000, 16000},
                               {16000, 16000}};
enum { PAIRS = sizeof pairs / sizeof pairs[0], LENGTH = 4800, CAPACITY = 3 * LENGTH };

/* One-shot; the number of samples written. */
static int resample(int from, int to, const float *in, float *out) {
    int error = 1;
    dred_resampler *r = dred_resampler_create(from, to, &error);
    CHECK(r && error == DRED_OK);
    int written = dred_resampler_process(r, in, LENGTH, out, CAPACITY);
    dred_resampler_destroy(r);
    return written;
}

static int half_of(int from, int to) {
    dred_resampler *r = dred_resampler_create(from, to, NULL);
    int half = dred_resampler_half(r);
    dred_resampler_destroy(r);
    return half;
}

/* Largest deviation from gain * sin(2 pi f t) away from the start. */
static double sine_error(int from, int to, double frequency, double gain) {
    static float in[LENGTH], out[CAPACITY];
    for (int i = 0; i < LENGTH; i++) in[i] = (float)sin(2 * pi * frequency * i / from);
    int written = resample(from, to, in, out);
    double worst = 0;
    for (int j = 4 * RESAMPLE_HALF * 3; j < written; j++) {
        worst = fmax(worst, fabs(out[j] - gain * sin(2 * pi * frequency * j / to)));
    }
    return worst;
}

/* Zero delay and unity gain show as sample-exact sines; what lies above the band is removed. */
static void test_sines(void) {
    for (int p = 0; p < PAIRS; p++) {
        int from = pairs[p][0], to = pairs[p][1];
        double lower = from < to ? from : to;
        double edge = lower > 8000 ? 0.06 : 0.09; /* the filter at 8 kHz is shorter */
        CHECK_NEAR(sine_error(from, to, 0.0211 * lower, 1), 0, 1e-3);
        CHECK_NEAR(sine_error(from, to, 0.25 * lower, 1), 0, 2e-3);
        CHECK_NEAR(sine_error(from, to, (0.50 - edge) * lower, 1), 0, 0.0125); /* 0.1 dB */
        if (from > to) CHECK_NEAR(sine_error(from, to, (0.49 + edge) * lower, 0), 0, 1e-3);
        if (from > to) CHECK_NEAR(sine_error(from, to, 0.62 * lower, 0), 0, 1e-3);
    }
}

static void test_constant_and_count(void) {
    static float in[LENGTH], out[CAPACITY];
    for (int i = 0; i < LENGTH; i++) in[i] = 0.5f;
    for (int p = 0; p < PAIRS; p++) {
        int from = pairs[p][0], to = pairs[p][1], half = half_of(from, to);
        int written = resample(from, to, in, out), wrong = 0;
        for (int j = 2 * half * to / from + 2; j < written; j++) {
            if (fabsf(out[j] - 0.5f) > 1e-6f) wrong++;
        }
        CHECK(wrong == 0);
        /* All outputs at times <= LENGTH - 1 - half, rounded down to whole input samples. */
        int64_t support = LENGTH - half;
        CHECK(written == (int)((support * to + from - 1) / from));
    }
}

static void test_streaming(void) {
    static float in[LENGTH], whole[CAPACITY], parts[CAPACITY];
    uint32_t seed = 5;
    for (int i = 0; i < LENGTH; i++) {
        seed = seed * 1664525u + 1013904223u;
        in[i] = (float)(seed >> 8) / 8388608.0f - 1;
    }
    for (int p = 0; p < PAIRS; p++) {
        int written = resample(pairs[p][0], pairs[p][1], in, whole);
        dred_resampler *r = dred_resampler_create(pairs[p][0], pairs[p][1], NULL);
        for (int round = 0; round < 4; round++) { /* a reset makes it as new */
            int done = 0, count = 0;
            dred_resampler_reset(r);
            while (done < LENGTH) {
                seed = seed * 1664525u + 1013904223u;
                int n = (int)((seed >> 16) % (round == 0 ? 3u : 900u));
                if (n > LENGTH - done) n = LENGTH - done;
                int got = dred_resampler_process(r, in + done, n, parts + count, CAPACITY - count);
                CHECK(got >= 0);
                done += n;
                count += got;
            }
            CHECK(count == written);
            CHECK(memcmp(whole, parts, (size_t)written * sizeof(float)) == 0);
        }
        dred_resampler_destroy(r);
    }
}

static void test_misuse(void) {
    int error = 0;
    float in[960] = {1}, out[960];
    CHECK(!dred_resampler_create(44100, 16000, &error) && error == DRED_ERR_ARGUMENT);
    CHECK(!dred_resampler_create(48000, 8000, &error) && error == DRED_ERR_ARGUMENT);
    CHECK(!dred_resampler_create(0, 16000, NULL));
    CHECK(dred_resampler_half(NULL) == DRED_ERR_ARGUMENT);
    CHECK(dred_resampler_process(NULL, in, 1, out, 1) == DRED_ERR_ARGUMENT);
    dred_resampler_reset(NULL);
    dred_resampler_destroy(NULL);

    dred_resampler *r = dred_resampler_create(16000, 48000, &error);
    CHECK(dred_resampler_half(r) == 16);
    CHECK(dred_resampler_process(r, NULL, 1, out, 960) == DRED_ERR_ARGUMENT);
    CHECK(dred_resampler_process(r, in, -1, out, 960) == DRED_ERR_ARGUMENT);
    /* Refused before anything is consumed. */
    CHECK(dred_resampler_process(r, in, 160, out, 100) == DRED_ERR_SPACE);
    CHECK(dred_resampler_process(r, in, 160, out, 3 * (160 - 16)) == 3 * (160 - 16));
    CHECK_NEAR(out[0], 1, 0.05); /* the unit impulse at time 0, low-passed at 0.98 of the band */
    CHECK(dred_resampler_process(r, NULL, 0, NULL, 0) == 0);
    dred_resampler_destroy(r);

    r = dred_resampler_create(16000, 16000, &error);
    CHECK(dred_resampler_half(r) == 0);
    CHECK(dred_resampler_process(r, in, 160, out, 159) == DRED_ERR_SPACE);
    CHECK(dred_resampler_process(r, in, 160, out, 160) == 160);
    dred_resampler_destroy(r);

    /* What is no number leaves the filter again. */
    r = dred_resampler_create(48000, 16000, &error);
    in[0] = NAN;
    CHECK(dred_resampler_process(r, in, 960, out, 960) > 0);
    CHECK(isfinite(out[100]));
    dred_resampler_destroy(r);
}

void test_resample(void) {
    test_sines();
    test_constant_and_count();
    test_streaming();
    test_misuse();
}
