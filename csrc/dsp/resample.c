/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Streaming polyphase resampler between 16 kHz and the other Opus rates; knows nothing of features
 * and frames.
 *
 * The filter is a Kaiser-windowed sinc that spans 16 samples of the lower rate to either side. In
 * units of the lower rate: flat within 0.1 dB to 0.44, -60 dB from 0.55 on, so that what aliases or
 * is imaged above -60 dB stays outside 0.45 (90 % of the band). It is linear phase and centred on
 * the output time: no delay is left to compensate, the output merely waits for its support. */
#include "dsp/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dsp/vec4.h"

enum { PIECE = 480 }; /* input samples filtered at a time */

struct dred_resampler {
    int up, down;  /* to_rate / from_rate in lowest terms                                       */
    int half;      /* of the filter, in input samples; 0: rates are equal, samples are copied   */
    int phase;     /* of the next output, in 1/up input samples                                 */
    int filled;    /* samples in `history`, which starts with the support of the next output    */
    float *filters; /* [up][2 half]                                                             */
    float *history; /* [2 half + PIECE]                                                         */
};

static int common_divisor(int a, int b) { return b ? common_divisor(b, a % b) : a; }

/* Modified Bessel function of the first kind, order 0, by its power series. */
static double bessel_i0(double x) {
    double sum = 1, term = 1;
    for (int k = 1; term > 1e-12 * sum; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

/* Impulse response at time t, in samples of the lower rate; not normalised. */
static double windowed_sinc(double t, int span) {
    const double pi = 3.14159265358979323846, cutoff = 0.49, beta = 6;
    double edge = 1 - t * t / (span * span);
    if (edge <= 1e-9) return 0;
    double angle = 2 * pi * cutoff * t;
    return (fabs(angle) < 1e-9 ? 1 : sin(angle) / angle) * bessel_i0(beta * sqrt(edge));
}

/* Tap k of a phase weights the input sample at k - (half - 1) - phase/up from the output. Each
 * phase sums to 1: a constant comes out constant. */
static void design(dred_resampler *r, double lower_per_input, int span) {
    int taps = 2 * r->half;
    for (int phase = 0; phase < r->up; phase++) {
        float *filter = r->filters + phase * taps;
        double sum = 0;
        for (int pass = 0; pass < 2; pass++) {
            for (int k = 0; k < taps; k++) {
                double distance = k - (r->half - 1) - (double)phase / r->up;
                double tap = windowed_sinc(distance * lower_per_input, span);
                if (pass == 0) {
                    sum += tap;
                } else {
                    filter[k] = (float)(tap / sum);
                }
            }
        }
    }
}

static int valid_rate(int rate) {
    return rate == 8000 || rate == 12000 || rate == 16000 || rate == 24000 || rate == 48000;
}

static dred_resampler *fail(int *error, int code) {
    if (error) *error = code;
    return NULL;
}

dred_resampler *dred_resampler_create(int from_rate, int to_rate, int *error) {
    if (!valid_rate(from_rate) || !valid_rate(to_rate) ||
        (from_rate != DRED_SAMPLE_RATE && to_rate != DRED_SAMPLE_RATE)) {
        return fail(error, DRED_ERR_ARGUMENT);
    }
    int divisor = common_divisor(from_rate, to_rate);
    int up = to_rate / divisor, down = from_rate / divisor;
    int lower = from_rate < to_rate ? from_rate : to_rate;
    /* Rounded up for 16000 to 12000 Hz, where it is 21 1/3 input samples. */
    int span = lower == 8000 ? RESAMPLE_HALF_8K : RESAMPLE_HALF;
    int half = from_rate == to_rate ? 0 : (span * from_rate + lower - 1) / lower;
    size_t filters = (size_t)(up * 2 * half), history = (size_t)(2 * half + PIECE);
    dred_resampler *r = malloc(sizeof *r + (filters + history) * sizeof(float));
    if (!r) return fail(error, DRED_ERR_MEMORY);
    *r = (dred_resampler){.up = up, .down = down, .half = half};
    r->filters = (float *)(r + 1);
    r->history = r->filters + filters;
    design(r, (double)lower / from_rate, span);
    dred_resampler_reset(r);
    if (error) *error = DRED_OK;
    return r;
}

/* Output 0 sits on input 0, half - 1 samples after the start of its support. */
void dred_resampler_reset(dred_resampler *resampler) {
    if (!resampler) return;
    resampler->phase = 0;
    resampler->filled = resampler->half > 0 ? resampler->half - 1 : 0;
    memset(resampler->history, 0, (size_t)resampler->filled * sizeof(float));
}

void dred_resampler_destroy(dred_resampler *resampler) { free(resampler); }

int dred_resampler_half(const dred_resampler *resampler) {
    return resampler ? resampler->half : DRED_ERR_ARGUMENT;
}

/* Outputs whose support ends within n further samples. */
static int64_t ready(const dred_resampler *r, int n) {
    int64_t beyond = (int64_t)r->filled + n - 2 * r->half; /* input samples */
    return beyond < 0 ? 0 : ((beyond + 1) * r->up - 1 - r->phase) / r->down + 1;
}

/* All output that the history allows; then forget what no later output needs. */
static int drain(dred_resampler *r, float *out) {
    int taps = 2 * r->half, written = 0, start = 0;
    while (start + taps <= r->filled) {
        out[written++] = vec4_dot(r->filters + r->phase * taps, r->history + start, taps);
        r->phase += r->down;
        start += r->phase / r->up;
        r->phase %= r->up;
    }
    r->filled -= start; /* not negative: a support is longer than the way to the next one */
    memmove(r->history, r->history + start, (size_t)r->filled * sizeof(float));
    return written;
}

int dred_resampler_process(dred_resampler *resampler, const float *in, int n, float *out,
                           int capacity) {
    dred_resampler *r = resampler;
    if (!r || n < 0 || capacity < 0 || (n > 0 && !in) || (capacity > 0 && !out)) {
        return DRED_ERR_ARGUMENT;
    }
    if (r->half == 0) {
        if (n > capacity) return DRED_ERR_SPACE;
        if (n > 0) memcpy(out, in, (size_t)n * sizeof *in);
        return n;
    }
    if (ready(r, n) > capacity) return DRED_ERR_SPACE;
    int written = 0;
    while (n > 0) {
        int piece = n < PIECE ? n : PIECE;
        memcpy(r->history + r->filled, in, (size_t)piece * sizeof *in);
        r->filled += piece;
        in += piece;
        n -= piece;
        written += drain(r, out + written);
    }
    return written;
}
