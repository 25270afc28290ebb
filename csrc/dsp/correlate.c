/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Correlation of a frame with all its pasts, once per instruction set; knows nothing of pitch.
 * Neighbouring lags read neighbouring samples, so a block of lags keeps its sums in registers. */
#include "dsp/correlate.h"

#include "dsp/vec4.h"

static void correlate_portable(const float *x, const float *y, float *out) {
    for (int start = 0; start < CORRELATE_LAGS; start += 16) {
        float sum[16] = {0};
        vec4_accumulate16(sum, x, y + start, CORRELATE_LENGTH, 1);
        memcpy(out + start, sum, sizeof sum);
    }
}

#if defined(CPU_X86)
#include <immintrin.h>

/* Seven sums of eight lags: four blocks make 224, and as many independent chains of fused
 * multiply-adds hide their latency. */
__attribute__((target("avx2,fma"))) static void correlate_avx2(const float *x, const float *y,
                                                               float *out) {
    enum { SUMS = 7, LANES = 8 };
    for (int start = 0; start < CORRELATE_LAGS; start += SUMS * LANES) {
        __m256 sum[SUMS];
        for (int k = 0; k < SUMS; k++) sum[k] = _mm256_setzero_ps();
        for (int n = 0; n < CORRELATE_LENGTH; n++) {
            __m256 factor = _mm256_broadcast_ss(x + n);
            for (int k = 0; k < SUMS; k++) {
                __m256 lags = _mm256_loadu_ps(y + start + n + LANES * k);
                sum[k] = _mm256_fmadd_ps(factor, lags, sum[k]);
            }
        }
        for (int k = 0; k < SUMS; k++) _mm256_storeu_ps(out + start + LANES * k, sum[k]);
    }
}
#endif

void correlate(cpu_level level, const float x[CORRELATE_LENGTH], const float *y,
               float out[CORRELATE_LAGS]) {
#if defined(CPU_X86)
    if (level >= CPU_AVX2) {
        correlate_avx2(x, y, out);
        return;
    }
#endif
    (void)level;
    correlate_portable(x, y, out);
}
