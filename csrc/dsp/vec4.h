/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Four floats in a register, and the inner loops built on them; knows nothing of signals. GCC and
 * clang turn this vector type into SSE, NEON or scalar code. Plain loops over sums are not
 * reliably vectorised: some compilers unroll them first, and five times the time is then spent. */
#ifndef DSP_VEC4_H
#define DSP_VEC4_H

#include <string.h>

typedef float vec4 __attribute__((vector_size(16)));

static inline vec4 vec4_load(const float *p) {
    vec4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Four times the same. Where the platform computes floats in double (s390x) or wider (x87), C takes
 * no product of a float and a vector. */
static inline vec4 vec4_set(float x) { return (vec4){x, x, x, x}; }

static inline void vec4_store(float *p, vec4 v) { memcpy(p, &v, sizeof v); }

typedef int vec4_mask __attribute__((vector_size(16))); /* of a comparison: all bits or none */

static inline float vec4_sum(vec4 v) { return (v[0] + v[1]) + (v[2] + v[3]); }

/* Inner product in a fixed order of summation, which depends on nothing but the length. */
static inline float vec4_dot(const float *x, const float *y, int n) {
    vec4 even = {0}, odd = {0};
    const int rest = n % 8;
    for (int i = 0; i < n - rest; i += 8) {
        even += vec4_load(x + i) * vec4_load(y + i);
        odd += vec4_load(x + i + 4) * vec4_load(y + i + 4);
    }
    even += odd;
    float sum = vec4_sum(even);
    for (int i = n - rest; i < n; i++) sum += x[i] * y[i];
    return sum;
}

/* sum[i] += c_0 x[i] + c_1 x[i + step] + ... for i = 0..15: four registers of sums stay put while
 * the coefficients pass by. step is 1 (correlation) or -1 (convolution). */
static inline void vec4_accumulate16(float sum[16], const float *c, const float *x, int n,
                                     int step) {
    vec4 s0 = vec4_load(sum), s1 = vec4_load(sum + 4);
    vec4 s2 = vec4_load(sum + 8), s3 = vec4_load(sum + 12);
    for (int k = 0; k < n; k++, x += step) {
        vec4 factor = vec4_set(c[k]);
        s0 += factor * vec4_load(x);
        s1 += factor * vec4_load(x + 4);
        s2 += factor * vec4_load(x + 8);
        s3 += factor * vec4_load(x + 12);
    }
    vec4_store(sum, s0);
    vec4_store(sum + 4, s1);
    vec4_store(sum + 8, s2);
    vec4_store(sum + 12, s3);
}

#endif
