/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Feature analysis: the conformance signal of features.md section 11 (as far as no network is
 * needed), silence, and input that is no audio. */
#include <string.h>

#include "check.h"
#include "codec/features.h"

static const double pi = 3.14159265358979323846;

enum { STEP = ANALYSIS_STEP };

static void conformance_step(int step, float pcm[STEP]) {
    for (int i = 0; i < STEP; i++) {
        double n = step * STEP + i;
        double value = 3000 * sin(2 * pi * 200 * n / 16000) +
                       1500 * sin(2 * pi * 1000 * n / 16000 + 1) +
                       800 * cos(2 * pi * 3100 * n / 16000);
        pcm[i] = (float)(floor(0.5 + value) / 32768);
    }
}

static void test_conformance(void) {
    static const float cepstrum0[BANDS] = {
        8.7672f,  0.4540f,  0.8852f,  0.7201f,  -1.2127f, 0.8546f,  2.3657f,  -0.2433f, -0.3752f,
        0.1349f,  -1.6076f, -0.9445f, 0.4642f,  -0.1873f, -0.2231f, 0.4775f,  0.1984f,  -0.1275f};
    static const float lpc0[LPC_ORDER] = {
        -0.7955f, 0.4801f, -0.1369f, -0.4522f, -0.1582f, 0.1530f, 0.1661f,  0.1679f,
        0.1512f,  0.0392f, -0.1857f, -0.2340f, -0.1109f, 0.0043f, -0.0621f, 0.1588f};
    static const float cepstrum5[BANDS] = {
        1.5475f,  5.5149f,  0.6003f,  3.0292f,  -5.2689f, 1.2391f,  5.9995f, -1.5825f, -1.1406f,
        -0.0446f, -2.2455f, -1.5108f, 0.4368f,  -0.2344f, -0.6431f, 1.1807f, 0.6606f,  -0.7404f};
    static const float lpc5[LPC_ORDER] = {
        -2.5681f, 3.8437f, -3.6578f, 1.4263f,  0.7127f, -1.4501f, 0.7197f,  0.6062f,
        -0.7558f, 0.1715f, 0.3157f,  -0.5040f, 0.0096f, 0.2547f,  -0.2637f, 0.1985f};
    static const float levels5[6] = {-0.3767f, -0.0198f, 0.2536f, 0.4710f, 0.5867f, 0.4710f};
    static const float xcorr5[14] = {-0.2945f, -0.2248f, -0.2945f, -0.2918f, 0.0867f,
                                     0.6944f,  1.0000f,  0.6944f,  0.0867f,  -0.2918f,
                                     -0.2945f, -0.2248f, -0.2945f, -0.2918f};
    for (int level = CPU_PORTABLE; level <= (int)cpu_best_level(); level++) {
        analysis_state state;
        analysis_result result;
        memset(&state, 0, sizeof state);
        for (int step = 0; step <= 5; step++) {
            float pcm[STEP];
            conformance_step(step, pcm);
            analysis_step(&state, (cpu_level)level, pcm, &result);
            if (step == 0) {
                for (int i = 0; i < BANDS; i++) CHECK_NEAR(result.cepstrum[i], cepstrum0[i], 1e-3);
                for (int k = 0; k < LPC_ORDER; k++) CHECK_NEAR(result.lpc[k], lpc0[k], 1e-2);
            }
        }
        for (int i = 0; i < BANDS; i++) CHECK_NEAR(result.cepstrum[i], cepstrum5[i], 1e-3);
        for (int k = 0; k < LPC_ORDER; k++) CHECK_NEAR(result.lpc[k], lpc5[k], 1e-2);
        for (int i = 0; i < 6; i++) CHECK_NEAR(result.if_features[3 * i], levels5[i], 1e-3);
        for (int i = 0; i < 14; i++) CHECK_NEAR(result.xcorr[16 * i], xcorr5[i], 1e-3);
        CHECK_NEAR(pitch_voicing(state.low_residual, pitch_period(0.1605f)), 0.4669, 1e-3);
    }
}

static void test_conformance_burg(void) {
    static const float expected[24] = {
        6.0061f,  6.3314f,  -2.1596f, 1.6411f,  -1.3631f, -0.1441f, 1.8217f,  -0.4217f,
        -0.0125f, 0.5682f,  -0.7253f, -0.0048f, 0.4679f,  -0.2400f, 0.0365f,  0.1349f,
        -0.1672f, 0.0555f,  -0.3188f, -0.1583f, 0.2331f,  -0.1422f, 0.0891f,  0.1207f};
    for (int step = 0; step < 3; step += 2) {
        float pcm[STEP], out[DRED_BURG_SIZE];
        conformance_step(step, pcm);
        features_burg(pcm, out);
        for (int i = 0; i < 24; i++) CHECK_NEAR(out[i], expected[i], 2e-3);
    }
}

static void test_silence(void) {
    analysis_state state;
    analysis_result result;
    float pcm[STEP] = {0}, burg[DRED_BURG_SIZE];
    memset(&state, 0, sizeof state);
    for (int step = 0; step < 3; step++) analysis_step(&state, cpu_best_level(), pcm, &result);
    CHECK_NEAR(result.cepstrum[0], -12.4853, 1e-4);
    for (int i = 1; i < BANDS; i++) CHECK_NEAR(result.cepstrum[i], 0, 1e-5);
    for (int i = 0; i < PITCH_XCORR_SIZE; i++) CHECK(result.xcorr[i] == 0);
    for (int k = 1; k < PITCH_IF_BINS; k++) {
        CHECK(result.if_features[3 * k - 2] == 0);
        CHECK(result.if_features[3 * k] == -1);
    }
    CHECK_NEAR(pitch_voicing(state.low_residual, 100), -0.3616, 1e-4);
    features_burg(pcm, burg);
    CHECK_NEAR(burg[0], -12.4853, 1e-4);
    for (int i = 1; i < DRED_BURG_SIZE; i++) CHECK_NEAR(burg[i], 0, 1e-5);
}

static void test_pitch_period(void) {
    CHECK(pitch_period(-1.5f) == 256);
    CHECK(pitch_period(0.1605f) == 81);
    CHECK(pitch_period(1.4834f) == 32);
    CHECK(pitch_period(1e9f) == 32);
    CHECK(pitch_period(-1e9f) == 256);
    CHECK(pitch_period(NAN) == 256);
}

static int all_finite(const float *x, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) return 0;
    }
    return 1;
}

/* Whatever is fed, results are finite, and ordinary input gives ordinary results afterwards. */
static void test_no_audio(void) {
    const float values[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-42f, 1e-20f, 16.0f, -1.0f};
    enum { VALUES = sizeof values / sizeof values[0] };
    for (int kind = 0; kind <= VALUES; kind++) {
        analysis_state state, clean;
        analysis_result result, expected;
        float pcm[STEP], burg[DRED_BURG_SIZE];
        memset(&state, 0, sizeof state);
        memset(&clean, 0, sizeof clean);
        for (int step = 0; step < 3; step++) {
            for (int i = 0; i < STEP; i++) { /* the last kind alternates between all of them */
                pcm[i] = kind < VALUES ? values[kind] : values[(i + i / 7) % VALUES];
            }
            analysis_step(&state, cpu_best_level(), pcm, &result);
            CHECK(all_finite((const float *)&result, sizeof result / sizeof(float)));
            CHECK(all_finite((const float *)&state, sizeof state / sizeof(float)));
            CHECK(isfinite(pitch_voicing(state.low_residual, 57)));
            features_burg(pcm, burg);
            CHECK(all_finite(burg, DRED_BURG_SIZE));
        }
        for (int step = 0; step < 6; step++) {
            conformance_step(step, pcm);
            analysis_step(&state, cpu_best_level(), pcm, &result);
            analysis_step(&clean, cpu_best_level(), pcm, &expected);
        }
        for (int i = 0; i < BANDS; i++) {
            CHECK_NEAR(result.cepstrum[i], expected.cepstrum[i], 1e-4);
        }
        for (int i = 0; i < PITCH_XCORR_SIZE; i++) {
            CHECK_NEAR(result.xcorr[i], expected.xcorr[i], 1e-3);
        }
    }
}

void test_features(void) {
    test_conformance();
    test_conformance_burg();
    test_silence();
    test_pitch_period();
    test_no_audio();
}
