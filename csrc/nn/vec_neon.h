/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The primitives of nn/kernels_body.h in two 128-bit registers each for 64-bit ARM, but for dot4;
 * knows no layer. Needs KERNEL_TARGET. */
#include "nn/tensor.h"

#include <arm_neon.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline)) KERNEL_TARGET
#define KERNEL_GROUPS 8
#define KERNEL_KEEP(sums) (void)0

typedef struct f8 {
    float32x4_t low, high;
} f8;
typedef struct i8 {
    int32x4_t low, high;
} i8;
typedef int8x16_t x4;

INLINE f8 f8_load(const float *p) { return (f8){vld1q_f32(p), vld1q_f32(p + 4)}; }
INLINE f8 f8_set(float x) { return (f8){vdupq_n_f32(x), vdupq_n_f32(x)}; }

INLINE void f8_store(float *p, f8 x) {
    vst1q_f32(p, x.low);
    vst1q_f32(p + 4, x.high);
}

#define LANEWISE(name, type, function) \
    INLINE type name(type a, type b) { \
        return (type){function(a.low, b.low), function(a.high, b.high)}; \
    }
LANEWISE(f8_add, f8, vaddq_f32)
LANEWISE(f8_sub, f8, vsubq_f32)
LANEWISE(f8_mul, f8, vmulq_f32)
LANEWISE(f8_div, f8, vdivq_f32)
/* Of a number and NaN these take the number. */
LANEWISE(f8_max, f8, vmaxnmq_f32)
LANEWISE(f8_min, f8, vminnmq_f32)
LANEWISE(i8_add, i8, vaddq_s32)

INLINE f8 f8_fma(f8 a, f8 b, f8 c) {
    return (f8){vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}

INLINE f8 f8_limit(f8 x, float low, float high) {
    return f8_min(f8_max(x, f8_set(low)), f8_set(high));
}

INLINE i8 f8_truncate(f8 x) { return (i8){vcvtq_s32_f32(x.low), vcvtq_s32_f32(x.high)}; }
INLINE f8 i8_to_f8(i8 x) { return (f8){vcvtq_f32_s32(x.low), vcvtq_f32_s32(x.high)}; }
INLINE i8 i8_zero(void) { return (i8){vdupq_n_s32(0), vdupq_n_s32(0)}; }

/* Products here are of signed bytes: the offset of the codes is taken off at once ... */
INLINE x4 x4_load(const uint8_t *codes) {
    uint32_t four;
    memcpy(&four, codes, sizeof four);
    uint8x16_t all = vreinterpretq_u8_u32(vdupq_n_u32(four));
    return vreinterpretq_s8_u8(vsubq_u8(all, vdupq_n_u8(NN_CODE_ZERO)));
}

/* ... and not at the end. */
INLINE i8 row_offsets(const linear *layer, int row) {
    (void)layer;
    (void)row;
    return i8_zero();
}

INLINE void codes_store32(uint8_t *codes, const i8 values[4]) {
    for (int k = 0; k < 4; k++) {
        int16x8_t words = vcombine_s16(vmovn_s32(values[k].low), vmovn_s32(values[k].high));
        vst1_u8(codes + 8 * k, vqmovun_s16(words));
    }
}
