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

#define BUFFER(name, n)                                                                            \
    float name##_value[NN_PAD(n)];                                                                 \
    uint8_t name##_code[NN_PAD(n)]

/* What the layers pass on in one stream; the caller's, so that one stream needs no more stack than
 * its own. */
typedef struct workspace {
    BUFFER(feature_input, COND_INPUT);
    BUFFER(frames, 3 * FARGAN_COND_DENSE);
    BUFFER(cond_conv, FARGAN_COND_CONV);
    BUFFER(cond, FARGAN_SUBFRAMES *FARGAN_COND);
    /* Of a subframe: */
    BUFFER(input, 2 * CONV_INPUT); /* [last u, u], u = [cond, prediction, previous] */
    BUFFER(conv, CONV);
    BUFFER(gru_input, CONV + 2 * SUB);
    BUFFER(all, STATES + CONV + 2 * SUB); /* input of the skip layer */
    BUFFER(skip, SKIP);
    float gains[NN_PAD(TAPS)], output[SUB];
    float loudness;
    const float *prediction;
    activation previous;
} workspace;

/* Define views `name` of this buffer in the workspaces w of `count` streams; those of no stream are
 * never read. */
#define VIEWS(name)                                                                                \
    activation name[FARGAN_BATCH];                                                                 \
    for (int name##_k = 0; name##_k < FARGAN_BATCH; name##_k++) {                                  \
        workspace *name##_of = &w[name##_k < count ? name##_k : 0];                                \
        name[name##_k].value = name##_of->name##_value;                                            \
        name[name##_k].code = name##_of->name##_code;                                              \
    }

/* The same views, starting n elements later. */
static void activations_at(activation *to, const activation *from, int n) {
    for (int k = 0; k < FARGAN_BATCH; k++)
        to[k] = activation_at(from[k], n);
}

/* The first layer of the conditioning networks of `count` streams, on one vector each: to `frames`
 * of the workspaces, behind those of the vectors before.
 * @param period receives the pitch of each vector */
static void take_vectors(const fargan *net, fargan_state *const *states, workspace *w,
                         const float *const *features, int *period, int count) {
    enum { DENSE = FARGAN_COND_DENSE };
    const kernel_table *kernels = net->kernels;
    activation newest[FARGAN_BATCH];
    VIEWS(feature_input);
    VIEWS(frames);

    activations_at(newest, frames, 2 * DENSE);
    for (int k = 0; k < count; k++) {
        float *x = feature_input[k].value;
        copy_limited(x, features[k], FARGAN_FEATURES, feature_limit);
        period[k] = period_of(x);
        int index = period[k] - SHORTEST_PERIOD < FARGAN_PERIODS ? period[k] - SHORTEST_PERIOD
                                                                 : FARGAN_PERIODS - 1;
        memcpy(x + FARGAN_FEATURES, net->period_embedding + index * FARGAN_EMBED,
               FARGAN_EMBED * sizeof *x);
        activation_encode(kernels, feature_input[k], COND_INPUT);
        activation_set(kernels, frames[k], states[k]->cond[0], 2 * DENSE);
    }
    linear_tanh_many(kernels, &net->cond_dense1, newest, feature_input, count);
    for (int k = 0; k < count; k++)
        memcpy(states[k]->cond[0], frames[k].value + DENSE, sizeof states[k]->cond);
}

/* All of the conditioning networks, to `cond` of the workspaces. */
static void condition(const fargan *net, fargan_state *const *states, workspace *w,
                      const float *const *features, int *period, int count) {
    const kernel_table *kernels = net->kernels;
    VIEWS(frames);
    VIEWS(cond_conv);
    VIEWS(cond);

    take_vectors(net, states, w, features, period, count);
    linear_tanh_many(kernels, &net->cond_conv, cond_conv, frames, count);
    linear_tanh_many(kernels, &net->cond_dense2, cond, cond_conv, count);
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
static void append_signal(const kernel_table *kernels, const linear *layer, activation end,
                          const float *prediction, float gain, activation previous) {
    for (int i = 0; i < SUB; i++)
        end.value[i] = gain * prediction[MARGIN + i];
    activation_encode(kernels, end, SUB);
    linear_feed(layer, activation_at(end, SUB), previous, SUB);
}

/* Everything in front of the first layer, from subframe i of the conditioning. */
static void look_around(const fargan *net, fargan_state *state, workspace *w, int i, int period) {
    const kernel_table *kernels = net->kernels;
    float gain[NN_PAD(1)];
    const activation conditions = {w->cond_value, w->cond_code};
    const activation cond = activation_at(conditions, i * FARGAN_COND);
    const activation input = {w->input_value, w->input_code};
    const activation now = activation_at(input, CONV_INPUT);

    linear_apply(kernels, &net->gain, gain, cond);
    w->loudness = expf(fminf(fmaxf(gain[0], -exponent_limit), exponent_limit));
    w->prediction = now.value + FARGAN_COND;
    w->previous = activation_at(now, FARGAN_COND + PREDICTION);
    activation_copy(now, cond, FARGAN_COND);
    look_back(state->pitch, period, 1.0f / (1e-5f + w->loudness), now.value + FARGAN_COND,
              w->previous.value);
    activation_encode(kernels, activation_at(now, FARGAN_COND), PREDICTION + SUB);
    activation_set(kernels, input, state->conv, CONV_INPUT);
    memcpy(state->conv, now.value, sizeof state->conv);
}

/* Make room for a subframe at the end of the pitch buffer. */
static float *next_subframe(fargan_state *state) {
    memmove(state->pitch, state->pitch + SUB, (FARGAN_PITCH - SUB) * sizeof *state->pitch);
    return state->pitch + FARGAN_PITCH - SUB;
}

/* The signal networks of `count` streams up to their memories: subframe i. Layer by layer: the
 * weights do not fit the second-level cache, so that a stream alone fetches them from the third for
 * every subframe. */
static void follow(const fargan *net, fargan_state *const *states, workspace *w, int i,
                   const int *period, int count) {
    static const int units[FARGAN_GRUS] = {UNITS1, UNITS, UNITS};
    const kernel_table *kernels = net->kernels;
    float *gains[FARGAN_BATCH], *gru_states[FARGAN_BATCH];
    activation from[FARGAN_BATCH], to[FARGAN_BATCH];
    VIEWS(input);
    VIEWS(conv);
    VIEWS(gru_input);
    VIEWS(all);

    activations_at(from, all, STATES);
    activations_at(to, all, 0);
    for (int k = 0; k < count; k++) {
        look_around(net, states[k], &w[k], i, period[k]);
        gains[k] = w[k].gains;
    }
    linear_tanh_many(kernels, &net->conv, conv, input, count);
    glu_apply_many(kernels, &net->conv_glu, from, conv, count);
    linear_apply_many(kernels, &net->pitch_gains, gains, from, count);
    for (int k = 0; k < count; k++)
        kernels->sigmoid(gains[k], NN_PAD(TAPS));

    for (int j = 0, width = CONV; j < FARGAN_GRUS; width = units[j++]) {
        for (int k = 0; k < count; k++) {
            linear_feed(&net->gru[j].input, gru_input[k], from[k], width);
            append_signal(kernels, &net->gru[j].input, activation_at(gru_input[k], width),
                          w[k].prediction, gains[k][j], w[k].previous);
            gru_states[k] = states[k]->gru[j];
        }
        gru_step_many(kernels, &net->gru[j], gru_states, to, gru_input, count);
        glu_apply_many(kernels, &net->gru_glu[j], to, to, count);
        memcpy(from, to, sizeof from);
        activations_at(to, to, units[j]);
    }
}

/* Subframe i of `count` streams, appended to the pitch buffers. */
static void synthesise(const fargan *net, fargan_state *const *states, workspace *w, int i,
                       const int *period, int count) {
    const kernel_table *kernels = net->kernels;
    float *output[FARGAN_BATCH];
    VIEWS(all);
    VIEWS(skip);

    follow(net, states, w, i, period, count);
    for (int k = 0; k < count; k++) {
        output[k] = w[k].output;
        append_signal(kernels, &net->skip, activation_at(all[k], STATES + CONV), w[k].prediction,
                      w[k].gains[FARGAN_GRUS], w[k].previous);
    }
    linear_tanh_many(kernels, &net->skip, skip, all, count);
    glu_apply_many(kernels, &net->skip_glu, skip, skip, count);
    linear_apply_many(kernels, &net->output, output, skip, count);
    for (int k = 0; k < count; k++) {
        float *newest = next_subframe(states[k]);
        kernels->tanh(output[k], SUB);
        for (int n = 0; n < SUB; n++)
            newest[n] = w[k].loudness * output[k][n];
    }
}

/* The newest subframe of the pitch buffer as audio. A look per subframe at what is still audible
 * will do: in 40 samples it falls by 56 dB, and denormals are 500 dB away. */
static void deemphasise(fargan_state *state, float *pcm) {
    float last = state->deemphasis;
    for (int n = 0; n < SUB; n++)
        pcm[n] = last = state->pitch[FARGAN_PITCH - SUB + n] + preemphasis * last;
    state->deemphasis = fabsf(last) < audible ? 0.0f : last;
}

void fargan_resume(const fargan *net, fargan_state *state, const float pcm[FARGAN_PAST],
                   const float features[FARGAN_QUEUE * FARGAN_FEATURES]) {
    enum { FIRST = FARGAN_PAST - FARGAN_FRAME }; /* samples that only fill the pitch buffer */
    enum { LAST = FARGAN_QUEUE - 1 };
    float past[FARGAN_PAST];
    const float *vector;
    int skipped;
    workspace w;

    /* The reference keeps what an earlier synthesis left in GRUs, convolution and the oldest part
     * of the buffer; training starts from zeros and so do we: the result then depends on the
     * arguments alone. */
    fargan_reset(state);
    for (int i = LAST - FARGAN_MEMORY; i < LAST; i++) { /* what came before is forgotten by then */
        vector = features + i * FARGAN_FEATURES;
        take_vectors(net, &state, &w, &vector, &state->period, 1);
    }
    /* The last period is skipped altogether, also by the first frame after this (networks.md,
     * pitfall 8). */
    vector = features + LAST * FARGAN_FEATURES;
    condition(net, &state, &w, &vector, &skipped, 1);
    copy_limited(past, pcm, FARGAN_PAST, pcm_limit);
    state->deemphasis = past[FARGAN_PAST - 1];
    for (int n = FARGAN_PAST - 1; n > 0; n--)
        past[n] -= preemphasis * past[n - 1];
    past[0] = 0.0f;
    memcpy(state->pitch + FARGAN_PITCH - FIRST, past, FIRST * sizeof *past);
    for (int i = 0; i < FARGAN_SUBFRAMES; i++) {
        /* What the networks would make of it is not asked for: here is the true signal. */
        follow(net, &state, &w, i, &state->period, 1);
        memcpy(next_subframe(state), past + FIRST + i * SUB, SUB * sizeof *past);
    }
}

static void step(const fargan *net, fargan_state *const *states, workspace *w,
                 const float *const *features, float *const *pcm, int count) {
    int period[FARGAN_BATCH], next[FARGAN_BATCH];
    condition(net, states, w, features, next, count);
    for (int k = 0; k < count; k++) /* after a reset there is none yet */
        period[k] = states[k]->period < SHORTEST_PERIOD ? LONGEST_PERIOD : states[k]->period;
    for (int i = 0; i < FARGAN_SUBFRAMES; i++) {
        synthesise(net, states, w, i, period, count);
        for (int k = 0; k < count; k++)
            deemphasise(states[k], pcm[k] + i * SUB);
    }
    for (int k = 0; k < count; k++)
        states[k]->period = next[k];
}

void fargan_step(const fargan *net, fargan_state *state, const float features[FARGAN_FEATURES],
                 float pcm[FARGAN_FRAME]) {
    workspace w;
    step(net, &state, &w, &features, &pcm, 1);
}

void fargan_step_many(const fargan *net, fargan_state *const *states, const float *const *features,
                      float *const *pcm, int count) {
    workspace w[FARGAN_BATCH];
    step(net, states, w, features, pcm, count);
}
