/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Linear prediction from band energies and its residual; knows nothing of pitch. */
#include "dsp/lpc.h"

#include "dsp/tables.h"
#include "dsp/vec4.h"

/* In double: tonal spectra are badly conditioned, and in float the third digit of the coefficients
 * would depend on the order of operations. */
void lpc_levinson(const double r[LPC_ORDER + 1], float out[LPC_ORDER]) {
    double a[LPC_ORDER] = {0}, error = r[0];
    for (int i = 0; i < LPC_ORDER && error > 0; i++) {
        double sum = r[i + 1];
        for (int j = 0; j < i; j++) sum += a[j] * r[i - j];
        double reflection = -sum / error;
        a[i] = reflection;
        for (int j = 0; j < i / 2; j++) {
            double low = a[j], high = a[i - 1 - j];
            a[j] = low + reflection * high;
            a[i - 1 - j] = high + reflection * low;
        }
        if (i % 2) a[i / 2] += reflection * a[i / 2];
        error -= reflection * reflection * error;
        if (error < 0.001 * r[0]) break;
    }
    for (int i = 0; i < LPC_ORDER; i++) out[i] = (float)a[i];
}

void lpc_from_bands(const float floored[BANDS], float a[LPC_ORDER]) {
    double r[LPC_ORDER + 1] = {0};
    for (int i = 0; i < BANDS; i++) {
        for (int n = 0; n <= LPC_ORDER; n++) r[n] += (double)floored[i] * table_lags[17 * i + n];
    }
    r[0] += 1e-4 * r[0] + 26.0 / 38.0; /* noise floor, -40 dB and absolute */
    for (int n = 1; n <= LPC_ORDER; n++) r[n] *= 1 - 6e-5 * (n * n);
    lpc_levinson(r, a);
}

void lpc_residual(const float *x, const float a[LPC_ORDER], float *out, int n) {
    for (int start = 0; start < n; start += 16) {
        vec4_store(out + start, vec4_load(x + start));
        vec4_store(out + start + 4, vec4_load(x + start + 4));
        vec4_store(out + start + 8, vec4_load(x + start + 8));
        vec4_store(out + start + 12, vec4_load(x + start + 12));
        vec4_accumulate16(out + start, a, x + start - 1, LPC_ORDER, -1);
    }
}
