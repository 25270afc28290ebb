/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Real FFT of 320 samples as a complex one of 160 = 4 * 4 * 5 * 2; knows nothing of windows and
 * bands.
 *
 * Stockham passes: they sort as they go, and from the second pass on the inner loop runs over
 * contiguous values with one common twiddle factor, which compilers turn into vector code. A pass
 * of radix r on sub-transforms of length r * m, s of them interleaved, reads element k of butterfly
 * p at s (p + m k) and writes its output j, times e^(-j 2 pi p j/(r m)), at s (r p + j). */
#include "dsp/fft.h"

#include "dsp/tables.h"

enum { HALF = FFT_SIZE / 2 };

typedef struct complex_block {
    float re[HALF + 1];
    float im[HALF + 1];
} complex_block;

/* Real and imaginary part of e^(-j 2 pi k/320). */
static inline float twiddle_re(int k) { return table_cos320[k]; }
static inline float twiddle_im(int k) { return table_cos320[k + FFT_SIZE / 4]; }

static inline void pass4(const complex_block *restrict x, complex_block *restrict y, int m, int s) {
    int step = FFT_SIZE / (4 * m);
    for (int p = 0; p < m; p++) {
        float w1r = twiddle_re(step * p), w1i = twiddle_im(step * p);
        float w2r = twiddle_re(2 * step * p), w2i = twiddle_im(2 * step * p);
        float w3r = twiddle_re(3 * step * p), w3i = twiddle_im(3 * step * p);
        const float *xr = x->re + s * p, *xi = x->im + s * p;
        float *yr = y->re + 4 * s * p, *yi = y->im + 4 * s * p;
        for (int q = 0; q < s; q++) {
            float b0r = xr[q] + xr[q + 2 * s * m], b0i = xi[q] + xi[q + 2 * s * m];
            float b1r = xr[q] - xr[q + 2 * s * m], b1i = xi[q] - xi[q + 2 * s * m];
            float b2r = xr[q + s * m] + xr[q + 3 * s * m], b2i = xi[q + s * m] + xi[q + 3 * s * m];
            float b3r = xr[q + s * m] - xr[q + 3 * s * m], b3i = xi[q + s * m] - xi[q + 3 * s * m];
            float c1r = b1r + b3i, c1i = b1i - b3r;
            float c2r = b0r - b2r, c2i = b0i - b2i;
            float c3r = b1r - b3i, c3i = b1i + b3r;
            yr[q] = b0r + b2r;
            yi[q] = b0i + b2i;
            yr[q + s] = c1r * w1r - c1i * w1i;
            yi[q + s] = c1r * w1i + c1i * w1r;
            yr[q + 2 * s] = c2r * w2r - c2i * w2i;
            yi[q + 2 * s] = c2r * w2i + c2i * w2r;
            yr[q + 3 * s] = c3r * w3r - c3i * w3i;
            yi[q + 3 * s] = c3r * w3i + c3i * w3r;
        }
    }
}

static inline void pass5(const complex_block *restrict x, complex_block *restrict y, int m, int s) {
    const float cos1 = 0.309016994f, cos2 = -0.809016994f; /* of 2 pi/5 and 4 pi/5 */
    const float sin1 = 0.951056516f, sin2 = 0.587785252f;
    int step = FFT_SIZE / (5 * m);
    for (int p = 0; p < m; p++) {
        const float *xr = x->re + s * p, *xi = x->im + s * p;
        float *yr = y->re + 5 * s * p, *yi = y->im + 5 * s * p;
        float wr[5], wi[5];
        for (int j = 0; j < 5; j++) {
            wr[j] = twiddle_re(j * step * p);
            wi[j] = twiddle_im(j * step * p);
        }
        for (int q = 0; q < s; q++) {
            int k1 = q + s * m, k2 = q + 2 * s * m, k3 = q + 3 * s * m, k4 = q + 4 * s * m;
            float sum1r = xr[k1] + xr[k4], sum1i = xi[k1] + xi[k4];
            float sum2r = xr[k2] + xr[k3], sum2i = xi[k2] + xi[k3];
            float dif1r = xr[k1] - xr[k4], dif1i = xi[k1] - xi[k4];
            float dif2r = xr[k2] - xr[k3], dif2i = xi[k2] - xi[k3];
            float e1r = xr[q] + cos1 * sum1r + cos2 * sum2r;
            float e1i = xi[q] + cos1 * sum1i + cos2 * sum2i;
            float e2r = xr[q] + cos2 * sum1r + cos1 * sum2r;
            float e2i = xi[q] + cos2 * sum1i + cos1 * sum2i;
            float o1r = sin1 * dif1r + sin2 * dif2r, o1i = sin1 * dif1i + sin2 * dif2i;
            float o2r = sin2 * dif1r - sin1 * dif2r, o2i = sin2 * dif1i - sin1 * dif2i;
            float c1r = e1r + o1i, c1i = e1i - o1r, c4r = e1r - o1i, c4i = e1i + o1r;
            float c2r = e2r + o2i, c2i = e2i - o2r, c3r = e2r - o2i, c3i = e2i + o2r;
            yr[q] = xr[q] + sum1r + sum2r;
            yi[q] = xi[q] + sum1i + sum2i;
            yr[q + s] = c1r * wr[1] - c1i * wi[1];
            yi[q + s] = c1r * wi[1] + c1i * wr[1];
            yr[q + 2 * s] = c2r * wr[2] - c2i * wi[2];
            yi[q + 2 * s] = c2r * wi[2] + c2i * wr[2];
            yr[q + 3 * s] = c3r * wr[3] - c3i * wi[3];
            yi[q + 3 * s] = c3r * wi[3] + c3i * wr[3];
            yr[q + 4 * s] = c4r * wr[4] - c4i * wi[4];
            yi[q + 4 * s] = c4r * wi[4] + c4i * wr[4];
        }
    }
}

/* The last pass: radix 2, all twiddle factors 1. */
static inline void pass2(const complex_block *restrict x, complex_block *restrict y) {
    for (int q = 0; q < HALF / 2; q++) {
        y->re[q] = x->re[q] + x->re[q + HALF / 2];
        y->im[q] = x->im[q] + x->im[q + HALF / 2];
        y->re[q + HALF / 2] = x->re[q] - x->re[q + HALF / 2];
        y->im[q + HALF / 2] = x->im[q] - x->im[q + HALF / 2];
    }
}

/* From the transform Z of even + j odd samples to that of the real signal: the transforms of the
 * even and odd samples are the conjugate-symmetric and antisymmetric parts of Z. */
static void split_real(const complex_block *z, float *restrict re, float *restrict im) {
    const float scale = 0.5f / FFT_SIZE;
    for (int k = 0; k < FFT_BINS; k++) {
        float even_re = z->re[k] + z->re[HALF - k], even_im = z->im[k] - z->im[HALF - k];
        float odd_re = z->im[k] + z->im[HALF - k], odd_im = z->re[HALF - k] - z->re[k];
        float wr = twiddle_re(k), wi = twiddle_im(k);
        re[k] = scale * (even_re + wr * odd_re - wi * odd_im);
        im[k] = scale * (even_im + wr * odd_im + wi * odd_re);
    }
}

/* The way back, but for a factor: real and imaginary part change places, which makes the transform
 * that follows the inverse one. */
static void join_real(const float *restrict re, const float *restrict im, complex_block *z) {
    for (int k = 0; k < HALF; k++) {
        float even_re = re[k] + re[HALF - k], even_im = im[k] - im[HALF - k];
        float dif_re = re[k] - re[HALF - k], dif_im = im[k] + im[HALF - k];
        float wr = twiddle_re(k), wi = -twiddle_im(k);
        z->im[k] = even_re - (dif_re * wi + dif_im * wr);
        z->re[k] = even_im + (dif_re * wr - dif_im * wi);
    }
}

static void transform(complex_block *a) {
    complex_block b;
    pass4(a, &b, 40, 1);
    pass4(&b, a, 10, 4);
    pass5(a, &b, 2, 16);
    pass2(&b, a);
}

void fft320_forward(const float in[FFT_SIZE], float re[FFT_BINS], float im[FFT_BINS]) {
    complex_block a;
    for (int n = 0; n < HALF; n++) {
        a.re[n] = in[2 * n];
        a.im[n] = in[2 * n + 1];
    }
    transform(&a);
    a.re[HALF] = a.re[0];
    a.im[HALF] = a.im[0];
    split_real(&a, re, im);
}

void fft320_inverse(const float re[FFT_BINS], const float im[FFT_BINS], float out[FFT_SIZE]) {
    complex_block a;
    join_real(re, im, &a);
    transform(&a);
    for (int n = 0; n < HALF; n++) {
        out[2 * n] = a.im[n];
        out[2 * n + 1] = a.re[n];
    }
}
