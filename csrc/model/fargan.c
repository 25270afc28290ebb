/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The FARGAN vocoder (networks.md 6): features to 16 kHz audio; knows no loss and no fading. */
#include "model/fargan.h"

#include "nn/layers.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum {
    SUB = FARGAN_SUBFRAME,
    MARGIN = 2,                   /* extra samples on each side of the pitch prediction */
    PREDICTION = SUB + 2 * MARGIN,
    CONV = FARGAN_CONV,
    CONV_INPUT = FARGAN_CONV_INPUT,
    UNITS1 = FARGAN_UNITS1,
    UNITS = FARGAN_UNITS,
    SKIP = FARGAN_SKIP,
    STATES = UNITS1 + 2 * UNITS, /* outputs of the three GRUs side by side */
    TAPS = 4,                    /* pitch gains: one per GRU and one for the skip layer */
    COND_INPUT = FARGAN_FEATURES + FARGAN_EMBED,
    PITCH_FEATURE = 18,
    SHORTEST_PERIOD = 32,
    LONGEST_PERIOD = FARGAN_PITCH
};

static const float preemphasis = 0.85f;
static const float feature_limit = 25.0f;  /* cepstra of full-scale audio stay below */
static const float pcm_limit = 2.0f;       /* pcm is in +-1; resampling may overshoot */
static const float exponent_limit = 20.0f; /* keeps the gain of hostile weights finite */
static const float audible = 1e-12f;       /* below, the de-emphasis would decay to denormals */

#define GRU(i, number, inputs, units)                                                      \
    LAYER(fargan, gru[i].input, "sig_net_gru" number "_input", inputs, 3 * (units)),       \
    LAYER(fargan, gru[i].recurrent, "sig_net_gru" number "_recurrent", units, 3 * (units)), \
    LAYER(fargan, gru_glu[i], "sig_net_gru" number "_glu_gate", units, units)

static const layer_spec layers[] = {
    {"cond_net_pembed", LAYER_TABLE, FARGAN_PERIODS, FARGAN_EMBED,
     offsetof(fargan, period_embedding)},
    LAYER(fargan, cond_dense1, "cond_net_fdense1", COND_INPUT, FARGAN_COND_DENSE),
    LAYER(fargan, cond_conv, "cond_net_fconv1", 3 * FARGAN_COND_DENSE, FARGAN_COND_CONV),
    LAYER(fargan, cond_dense2, "cond_net_fdense2", FARGAN_COND_CONV,
          FARGAN_SUBFRAMES *FARGAN_COND),
    LAYER(fargan, gain, "sig_net_cond_gain_dense", FARGAN_COND, 1),
    LAYER(fargan, conv, "sig_net_fwc0_conv", 2 * CONV_INPUT, CONV),
    LAYER(fargan, conv_glu, "sig_net_fwc0_glu_gate", CONV, CONV),
    LAYER(fargan, pitch_gains, "sig_net_gain_dense_out", CONV, TAPS),
    GRU(0, "1", CONV + 2 * SUB, UNITS1),
    GRU(1, "2", UNITS1 + 2 * SUB, UNITS),
    GRU(2, "3", UNITS + 2 * SUB, UNITS),
    LAYER(fargan, skip, "sig_net_skip_dense", STATES + CONV + 2 * SUB, SKIP),
    LAYER(fargan, skip_glu, "sig_net_skip_glu_gate", SKIP, SKIP),
    LAYER(fargan, output, "sig_net_sig_dense_out", SKIP, SUB),
};

enum { LAYER_COUNT = sizeof layers / sizeof *layers };

int fargan_present(const weights_image *image) {
    return layers_present(image, layers, LAYER_COUNT);
}

int fargan_load(fargan *net, const weights_image *image, const kernel_table *kernels,
                arena *memory) {
    net->kernels = kernels;
    return layers_load(image, layers, LAYER_COUNT, net, memory);
}

void fargan_reset(fargan_state *state) { memset(state, 0, sizeof *state); }

/* Period in samples of a (limited) feature vector. Decoded pitch may lie outside the range that
 * the analysis gives; 256, the whole buffer, is legal. */
static int period_of(const float *features) {
    float period = floorf(0.5f + 256.0f * exp2f(-(features[PITCH_FEATURE] + 1.5f)));
    return (int)fminf(fmaxf(period, SHORTEST_PERIOD), LONGEST_PERIOD);
}

/* Run the conditioning network on one vector; cond is [FARGAN_SUBFRAMES * FARGAN_COND] or NULL
 * where only the memory matters. @return the period of this vector */
static int condition(const fargan *net, fargan_state *state, const float *features,
                     activation cond) {
    enum { DENSE = FARGAN_COND_DENSE };
    const kernel_table *kernels = net->kernels;
    ACTIVATION(input, COND_INPUT);
    ACTIVATION(frames, 3 * DENSE);
    ACTIVATION(conv, FARGAN_COND_CONV);

    copy_limited(input.value, features, FARGAN_FEATURES, feature_limit);
    int period = period_of(input.value);
    int index = period - SHORTEST_PERIOD < FARGAN_PERIODS ? period - SHORTEST_PERIOD
                                                          : FARGAN_PERIODS - 1;
    memcpy(input.value + FARGAN_FEATURES, net->period_embedding + index * FARGAN_EMBED,
           FARGAN_EMBED * sizeof *input.value);
    activation_encode(kernels, input, COND_INPUT);
    activation_set(kernels, frames, state->cond[0], 2 * DENSE);
    linear_tanh(kernels, &net->cond_dense1, activation_at(frames, 2 * DENSE), input);
    memcpy(state->cond[0], frames.value + DENSE, sizeof state->cond);
    linear_tanh(kernels, &net->cond_conv, conv, frames);
    linear_tanh(kernels, &net->cond_dense2, cond, conv);
    return period;
}

/* fminf and fmaxf are calls into libm where the compiler must respect NaN; here is none. */
static float limit_unit(float x) { return x < -1.0f ? -1.0f : x > 1.0f ? 1.0f : x; }

/* The last period of the buffer continued, scaled; and the last subframe, scaled. */
static void look_back(const float *pitch, int period, float scale, float *prediction,
                      float *previous) {
    int position = FARGAN_PITCH - period - MARGIN;
    for (int i = 0; i < PREDICTION; i++, position++) {
        if (position == FARGAN_PITCH)
            position -= period;
        prediction[i] = limit_unit(scale * pitch[position < 0 ? 0 : position]);
    }
    for (int i = 0; i < SUB; i++)
        previous[i] = limit_unit(scale * pitch[FARGAN_PITCH - SUB + i]);
}

/* Write [.., P_tap, previous] behind the first inputs of a layer. */
static void append_signal(const kernel_table *kernels, activation end, const float *prediction,
                          float gain, activation previous) {
    for (int i = 0; i < SUB; i++)
        end.value[i] = gain * prediction[MARGIN + i];
    activation_encode(kernels, end, SUB);
    activation_copy(activation_at(end, SUB), previous, SUB);
}

/* The signal network: one subframe from its piece of the conditioning, appended to the pitch
 * buffer. */
static void synthesise(const fargan *net, fargan_state *state, activation cond, int period) {
    static const int units[FARGAN_GRUS] = {UNITS1, UNITS, UNITS};
    const kernel_table *kernels = net->kernels;
    float gain[NN_PAD(1)], gains[NN_PAD(TAPS)];
    ACTIVATION(conv_input, 2 * CONV_INPUT); /* [last u, u], u = [cond, prediction, previous] */
    ACTIVATION(conv, CONV);
    ACTIVATION(gru_input, CONV + 2 * SUB);
    ACTIVATION(all, STATES + CONV + 2 * SUB); /* input of the skip layer */
    ACTIVATION(skip, SKIP);
    float output[SUB];

    linear_apply(kernels, &net->gain, gain, cond);
    float loudness = expf(fminf(fmaxf(gain[0], -exponent_limit), exponent_limit));
    activation now = activation_at(conv_input, CONV_INPUT);
    const float *prediction = now.value + FARGAN_COND;
    activation previous = activation_at(now, FARGAN_COND + PREDICTION);
    activation_copy(now, cond, FARGAN_COND);
    look_back(state->pitch, period, 1.0f / (1e-5f + loudness), now.value + FARGAN_COND,
              previous.value);
    activation_encode(kernels, activation_at(now, FARGAN_COND), PREDICTION + SUB);
    activation_set(kernels, conv_input, state->conv, CONV_INPUT);
    memcpy(state->conv, now.value, sizeof state->conv);

    linear_tanh(kernels, &net->conv, conv, conv_input);
    activation filtered = activation_at(all, STATES);
    glu_apply(kernels, &net->conv_glu, filtered, conv);
    linear_apply(kernels, &net->pitch_gains, gains, filtered);
    kernels->sigmoid(gains, NN_PAD(TAPS));

    activation from = filtered, to = all;
    int width = CONV;
    for (int i = 0; i < FARGAN_GRUS; i++) {
        activation_copy(gru_input, from, width);
        append_signal(kernels, activation_at(gru_input, width), prediction, gains[i], previous);
        gru_step(kernels, &net->gru[i], state->gru[i], to, gru_input);
        glu_apply(kernels, &net->gru_glu[i], to, to);
        from = to;
        width = units[i];
        to = activation_at(to, width);
    }
    append_signal(kernels, activation_at(all, STATES + CONV), prediction, gains[FARGAN_GRUS],
                  previous);
    linear_tanh(kernels, &net->skip, skip, all);
    glu_apply(kernels, &net->skip_glu, skip, skip);
    linear_apply(kernels, &net->output, output, skip);
    kernels->tanh(output, SUB);
    memmove(state->pitch, state->pitch + SUB, (FARGAN_PITCH - SUB) * sizeof *state->pitch);
    for (int i = 0; i < SUB; i++)
        state->pitch[FARGAN_PITCH - SUB + i] = loudness * output[i];
}

void fargan_resume(const fargan *net, fargan_state *state, const float pcm[FARGAN_PAST],
                   const float features[FARGAN_QUEUE * FARGAN_FEATURES]) {
    enum { FIRST = FARGAN_PAST - FARGAN_FRAME }; /* samples that only fill the pitch buffer */
    ACTIVATION(cond, FARGAN_SUBFRAMES *FARGAN_COND);
    float past[FARGAN_PAST];

    /* The reference keeps what an earlier synthesis left in GRUs, convolution and the oldest part
     * of the buffer; training starts from zeros and so do we: the result then depends on the
     * arguments alone. */
    fargan_reset(state);
    for (int i = 0; i < FARGAN_QUEUE; i++) {
        int period = condition(net, state, features + i * FARGAN_FEATURES, cond);
        /* Not the last: its period is skipped altogether, also by the first frame after this
         * (networks.md, pitfall 8). */
        if (i < FARGAN_QUEUE - 1)
            state->period = period;
    }
    copy_limited(past, pcm, FARGAN_PAST, pcm_limit);
    state->deemphasis = past[FARGAN_PAST - 1];
    for (int n = FARGAN_PAST - 1; n > 0; n--)
        past[n] -= preemphasis * past[n - 1];
    past[0] = 0.0f;
    memcpy(state->pitch + FARGAN_PITCH - FIRST, past, FIRST * sizeof *past);
    for (int i = 0; i < FARGAN_SUBFRAMES; i++) {
        synthesise(net, state, activation_at(cond, i * FARGAN_COND), state->period);
        /* The GRUs have followed; the true signal replaces what they made. */
        memcpy(state->pitch + FARGAN_PITCH - SUB, past + FIRST + i * SUB, SUB * sizeof *past);
    }
}

void fargan_step(const fargan *net, fargan_state *state, const float features[FARGAN_FEATURES],
                 float pcm[FARGAN_FRAME]) {
    ACTIVATION(cond, FARGAN_SUBFRAMES *FARGAN_COND);
    int next = condition(net, state, features, cond);
    int period = state->period < SHORTEST_PERIOD ? LONGEST_PERIOD : state->period; /* reset */
    for (int i = 0; i < FARGAN_SUBFRAMES; i++) {
        synthesise(net, state, activation_at(cond, i * FARGAN_COND), period);
        for (int n = 0; n < SUB; n++) {
            float out = state->pitch[FARGAN_PITCH - SUB + n] + preemphasis * state->deemphasis;
            state->deemphasis = fabsf(out) < audible ? 0.0f : out;
            pcm[i * SUB + n] = state->deemphasis;
        }
    }
    state->period = next;
}
