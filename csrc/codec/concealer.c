/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Continues a waveform into a gap, from known features or predicted ones. Knows no packets and no
 * decoder; its clock is the number of samples it was given or made. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/features.h"
#include "codec/handle.h"
#include "dred.h"
#include "dsp/analysis.h"
#include "dsp/bands.h"
#include "dsp/envelope.h"
#include "dsp/pitch_features.h"
#include "dsp/postfilter.h"
#include "model/models.h"

enum {
    HISTORY = 15 * DRED_STEP, /* analysed at the most when a loss comes after a long good stretch */
    BACKUPS = 8, /* predictor states of the last steps: two look-ahead vectors and the rewind */
    LOOKAHEAD = 2,
    PITCH = BANDS, /* places in a vector */
    VOICING = BANDS + 1,
    AFRESH = 2, /* so many steps made since the last corrected one: correction begins anew */
    LAST_VECTOR = (DRED_VOCODER_QUEUE - 1) * DRED_FEATURES, /* its place in the queue */
    BEHIND = DRED_CORRECTED_BEHIND,
    CORRECTED = HISTORY - (BEHIND + 1) * DRED_STEP /* place in pcm of the step that is next */
};

static const float SILENCE = 0; /* coefficient 0 of a vector, about 55 dB below full scale */
/* Log10 of the energy of a step of emphasised samples in +-1, over that of the loudest band. Of
 * 60000 steps of speech the highest was 6 dB below, the usual one 14 dB. HIGHEST keeps it finite.
 */
static const float LOUDER = -4.7f, HIGHEST = 15;

struct dred_concealer {
    const dred_models *models;
    float pcm[HISTORY];
    int unanalysed;  /* samples at the end of pcm that the analysis has not passed over */
    int concealed;   /* samples at the end of pcm that were made here and not yet followed by good */
    int unpredicted; /* samples at the end of pcm that the predictor was not told of */
    int rewound;     /* samples taken back since the last ones were added */
    int gap;         /* the analysis lost continuity: its next vector has a bad overlap memory */
    int good;        /* the last event was good audio */
    int losses;      /* steps since the last known vector */
    int uncorrected; /* steps made since the last corrected one, or AFRESH */
    int ahead;       /* steps made since correction began, or BEHIND + 1 */
    float queue[DRED_VOCODER_QUEUE * DRED_FEATURES]; /* vectors given to the vocoder, older first */
    float loudest[DRED_VOCODER_QUEUE]; /* of each of them, log10 of the energy of its loudest band */
    features_state analysis;
    plc_net_state predictor;
    plc_net_state backup[BACKUPS]; /* a ring */
    int latest;                    /* where the state before the latest step is */
    fargan_state vocoder;
    envelope_state envelope;
};

dred_concealer *dred_concealer_create(const dred_models *models, int *error) {
    dred_concealer *concealer = handle_create(models, DRED_NET_PITCH | DRED_NET_PLC | DRED_NET_FARGAN,
                                              sizeof(dred_concealer), error);
    if (concealer) dred_concealer_reset(concealer);
    return concealer;
}

void dred_concealer_reset(dred_concealer *concealer) {
    if (!concealer) return;
    const dred_models *models = concealer->models;
    memset(concealer, 0, sizeof(*concealer));
    concealer->models = models;
    concealer->gap = 1;
    concealer->good = 1;
    concealer->uncorrected = AFRESH;
}

void dred_concealer_destroy(dred_concealer *concealer) {
    free(concealer);
}

size_t dred_concealer_size(void) {
    return sizeof(dred_concealer);
}

static int min_int(int a, int b) {
    return a < b ? a : b;
}

/* Append to the history; what falls off its far end can no longer be analysed. */
static void append(dred_concealer *concealer, const float *pcm, int samples) {
    memmove(concealer->pcm, concealer->pcm + samples, (HISTORY - samples) * sizeof(float));
    memcpy(concealer->pcm + HISTORY - samples, pcm, samples * sizeof(float));
    if (concealer->unanalysed + samples > HISTORY) concealer->gap = 1;
    concealer->unanalysed = min_int(HISTORY, concealer->unanalysed + samples);
    concealer->concealed = min_int(HISTORY, concealer->concealed + samples);
    concealer->unpredicted = min_int(HISTORY, concealer->unpredicted + samples);
    concealer->rewound = 0;
}

/* Steps of the predictor that this many samples are worth. */
static int predicted_steps(int samples) {
    return (samples + DRED_STEP / 2) / DRED_STEP;
}

/* The predictor's state before the latest step, or so many steps earlier. */
static plc_net_state *backup(dred_concealer *concealer, int steps) {
    return &concealer->backup[(concealer->latest + steps) % BACKUPS];
}

int dred_concealer_good(dred_concealer *concealer, const float *pcm, int samples) {
    if (!concealer || samples < 0 || (samples > 0 && !pcm)) return DRED_ERR_ARGUMENT;
    if (samples == 0) return DRED_OK;
    while (samples > 0) {
        int n = min_int(samples, DRED_STEP);
        append(concealer, pcm, n);
        pcm += n;
        samples -= n;
    }
    concealer->concealed = 0;
    concealer->losses = 0;
    concealer->good = 1;
    concealer->uncorrected = AFRESH;
    return DRED_OK;
}

int dred_concealer_rewind(dred_concealer *concealer, int samples) {
    if (!concealer || samples < 0 || concealer->good ||
        samples > DRED_MAX_REWIND - concealer->rewound || samples > concealer->concealed) {
        return DRED_ERR_ARGUMENT;
    }
    if (samples == 0) return DRED_OK;
    memmove(concealer->pcm + samples, concealer->pcm, (HISTORY - samples) * sizeof(float));
    memset(concealer->pcm, 0, samples * sizeof(float));
    concealer->concealed -= samples;
    concealer->uncorrected = AFRESH;
    concealer->unanalysed -= samples; /* concealed audio is not analysed before the next loss */
    /* Forget the predictor's steps for the audio taken back; the look-ahead goes at the next loss. */
    int steps = predicted_steps(concealer->rewound + samples) - predicted_steps(concealer->rewound);
    concealer->rewound += samples;
    if (steps > 0) {
        concealer->predictor = *backup(concealer, steps - 1);
        concealer->latest += steps;
    }
    return DRED_OK;
}

int dred_concealer_copy(dred_concealer *concealer, const dred_concealer *from) {
    if (!concealer || !from || concealer->models != from->models) return DRED_ERR_ARGUMENT;
    if (concealer != from) memcpy(concealer, from, sizeof(*concealer));
    return DRED_OK;
}

/* NaN is passed over. */
static float largest(const float *values, int count) {
    float most = -INFINITY;
    for (int i = 0; i < count; i++) most = values[i] > most ? values[i] : most;
    return most;
}

static void enqueue(dred_concealer *concealer, const float *features) {
    memmove(concealer->queue, concealer->queue + DRED_FEATURES, LAST_VECTOR * sizeof(float));
    memcpy(concealer->queue + LAST_VECTOR, features, DRED_FEATURES * sizeof(float));
    float logs[BANDS];
    bands_logs(features, logs);
    memmove(concealer->loudest, concealer->loudest + 1, (DRED_VOCODER_QUEUE - 1) * sizeof(float));
    concealer->loudest[DRED_VOCODER_QUEUE - 1] = largest(logs, BANDS);
}

/* @param features NULL, or receives the prediction */
static void predict(dred_concealer *concealer, const float *input, float *features) {
    concealer->latest = (concealer->latest + BACKUPS - 1) % BACKUPS;
    *backup(concealer, 0) = concealer->predictor;
    plc_net_step(&concealer->models->plc, &concealer->predictor, input, features);
}

/* How loud a prediction may be (coefficient 0): in silence as loud as the latest vectors, since a
 * predictor may imagine there that speech begins. */
static float loudest_guess(const dred_concealer *concealer) {
    float latest[DRED_VOCODER_QUEUE];
    for (int i = 0; i < DRED_VOCODER_QUEUE; i++) latest[i] = concealer->queue[i * DRED_FEATURES];
    float most = largest(latest, DRED_VOCODER_QUEUE);
    return most < SILENCE ? most : INFINITY;
}

/* The vector of a lost step: the known one, with the predictor kept in step, or a prediction. */
static void lost_vector(dred_concealer *concealer, const float *known, float *features) {
    float input[DRED_PLC_INPUT] = {0};
    if (known) {
        memcpy(input + DRED_BURG_SIZE, known, DRED_FEATURES * sizeof(float));
        input[DRED_PLC_INPUT - 1] = -1;
    }
    predict(concealer, input, known ? NULL : features);
    if (known)
        memcpy(features, known, DRED_FEATURES * sizeof(float));
    else
        features[0] = fminf(features[0], loudest_guess(concealer));
}

/* Pass the analysis over all that it has not seen, so that it ends where the history ends. */
static void catch_up(dred_concealer *concealer) {
    concealer->predictor = *backup(concealer, LOOKAHEAD - 1);
    int steps = (concealer->unanalysed + DRED_STEP - 1) / DRED_STEP;
    int start = HISTORY - steps * DRED_STEP;
    for (int i = 0; i < steps; i++, start += DRED_STEP) {
        float input[DRED_PLC_INPUT], analysis[DRED_ANALYSIS_SIZE];
        features_step(&concealer->models->pitch, &concealer->analysis, concealer->pcm + start,
                      analysis);
        int broken = concealer->gap && i == 0;
        /* Concealed audio is passed over, but is no evidence: the predictor made it. */
        if (broken || start < HISTORY - concealer->unpredicted) continue;
        enqueue(concealer, analysis);
        features_burg(concealer->pcm + start, input);
        memcpy(input + DRED_BURG_SIZE, analysis, DRED_FEATURES * sizeof(float));
        input[DRED_PLC_INPUT - 1] = 1;
        predict(concealer, input, NULL);
    }
    concealer->unanalysed = 0;
    concealer->gap = 0;
}

/* The longer nothing is known, the quieter: comfortable fade within about 200 ms. */
static float attenuation(int losses) {
    static const float table[] = {0, 0, -0.2f, -0.2f, -0.4f, -0.4f, -0.8f, -0.8f, -1.6f, -1.6f};
    const int count = (int)(sizeof(table) / sizeof(table[0]));
    return losses < count ? table[losses] : table[count - 1] - 2.0f * (float)(losses - count + 1);
}

int dred_concealer_wants(const dred_concealer *concealer) {
    if (!concealer) return DRED_ERR_ARGUMENT;
    return concealer->good ? LOOKAHEAD + 1 : 1;
}

/* The vector for the vocoder's next step, from the known ones or from the predictor; after good
 * audio the vocoder takes that up first. @return vectors consumed */
static int next_vector(dred_concealer *concealer, const float *features, const unsigned char *known,
                       float *vector) {
    int used = 0;
    const float *given = NULL;
    if (concealer->good) {
        catch_up(concealer);
        for (; used < LOOKAHEAD; used++) {
            given = features && known[used] ? features + used * DRED_FEATURES : NULL;
            lost_vector(concealer, given, vector);
            enqueue(concealer, vector);
        }
        fargan_resume(&concealer->models->vocoder, &concealer->vocoder,
                      concealer->pcm + HISTORY - DRED_VOCODER_PAST, concealer->queue);
        concealer->good = 0;
    }
    given = features && known[used] ? features + used * DRED_FEATURES : NULL;
    lost_vector(concealer, given, vector);
    concealer->losses = given ? 0 : concealer->losses + 1;
    vector[0] = fmaxf(-15.0f, vector[0] + attenuation(concealer->losses));
    enqueue(concealer, vector);
    return used + 1;
}

/* Lower a step that is far louder than all vectors that it was made of: the gain of a vocoder is an
 * exponential, and was seen to leap by 35 dB where the pitch leaps. */
static void limit(const dred_concealer *concealer, float *pcm) {
    float most = largest(concealer->loudest, DRED_VOCODER_QUEUE), energy = 0;
    for (int n = 1; n < DRED_STEP; n++) {
        float emphasised = pcm[n] - ANALYSIS_PREEMPHASIS * pcm[n - 1];
        energy += emphasised * emphasised;
    }
    float allowed = powf(10, fminf(most, HIGHEST) + LOUDER);
    if (!(energy > allowed)) return;
    float gain = sqrtf(allowed / energy);
    for (int n = 0; n < DRED_STEP; n++) pcm[n] *= gain;
}

/* One step of at most FARGAN_BATCH streams on the same models. features and known: all NULL, or
 * for each stream. @param used NULL, or vectors consumed of each */
static void step_block(dred_concealer *const *concealers, int count, const float *const *features,
                       const unsigned char *const *known, float *const *pcm, int *used) {
    float vectors[FARGAN_BATCH][DRED_FEATURES];
    const float *rows[FARGAN_BATCH] = {NULL};
    fargan_state *vocoders[FARGAN_BATCH] = {NULL};
    for (int i = 0; i < count; i++) {
        const float *given = features ? features[i] : NULL;
        int taken = next_vector(concealers[i], given, given ? known[i] : NULL, vectors[i]);
        if (used)
            used[i] = taken;
        rows[i] = vectors[i];
        vocoders[i] = &concealers[i]->vocoder;
    }
    const fargan *network = &concealers[0]->models->vocoder;
    if (count == 1) /* which takes 80 kB less of stack */
        fargan_step(network, vocoders[0], rows[0], pcm[0]);
    else
        fargan_step_many(network, vocoders, rows, pcm, count);
    for (int i = 0; i < count; i++) {
        limit(concealers[i], pcm[i]);
        append(concealers[i], pcm[i], DRED_STEP);
        concealers[i]->unpredicted = 0;
        concealers[i]->uncorrected = min_int(concealers[i]->uncorrected + 1, AFRESH);
    }
}

int dred_concealer_step(dred_concealer *concealer, const float *features,
                        const unsigned char *known, float *pcm) {
    if (!concealer || !pcm || (features && !known))
        return DRED_ERR_ARGUMENT;
    int used;
    step_block(&concealer, 1, &features, &known, &pcm, &used);
    return used;
}

int dred_concealer_corrected(dred_concealer *concealer, float *pcm) {
    if (!concealer || !pcm || concealer->good || concealer->uncorrected == 0)
        return DRED_ERR_ARGUMENT;
    if (concealer->uncorrected == AFRESH)
        concealer->ahead = 0;
    concealer->uncorrected = 0;
    concealer->ahead = min_int(concealer->ahead + 1, BEHIND + 1);
    if (concealer->ahead < BEHIND)
        return 0;

    enum { BLOCK = 2 * DRED_STEP, SIGNAL = POSTFILTER_REACH + BLOCK + POSTFILTER_REACH };
    float signal[SIGNAL], block[BLOCK], *plain = signal + POSTFILTER_REACH;
    const float *step = concealer->pcm + CORRECTED;
    envelope_emphasise(step - POSTFILTER_REACH, SIGNAL, signal);
    /* The latest vector is centred a step and a half behind the start of the latest step. Those on
     * both sides of the block's centre, which is `BEHIND` - 1 steps before that start: */
    const float *after = concealer->queue + LAST_VECTOR - BEHIND * DRED_FEATURES;
    const float *before = after - DRED_FEATURES;
    const float *voiced = after[VOICING] > before[VOICING] ? after : before;
    float voicing = 0.5f + 0.5f * (before[VOICING] + after[VOICING]);
    int period = pitch_period(voiced[PITCH]);
    postfilter_block(plain, BLOCK, POSTFILTER_REACH, period, voicing, block);

    if (concealer->ahead == BEHIND) { /* the first block begins with what was no synthesis */
        float unused[DRED_STEP];
        envelope_begin(&concealer->envelope, step[-1], plain);
        envelope_step(&concealer->envelope, plain, NULL, unused);
        return 0;
    }
    float cepstrum[BANDS], logs[BANDS];
    for (int i = 0; i < BANDS; i++) cepstrum[i] = 0.5f * (before[i] + after[i]);
    bands_logs(cepstrum, logs);
    envelope_step(&concealer->envelope, block, logs, pcm);
    return DRED_STEP;
}

int dred_concealer_features(const dred_concealer *concealer, float *features) {
    if (!concealer || !features) return DRED_ERR_ARGUMENT;
    memcpy(features, concealer->queue + LAST_VECTOR, DRED_FEATURES * sizeof(float));
    return DRED_OK;
}

int dred_concealer_step_many(dred_concealer *const *concealers, int count,
                             const float *const *features, const unsigned char *const *known,
                             float *const *pcm, int *used) {
    if (!concealers || count < 0 || !pcm || (features && !known)) return DRED_ERR_ARGUMENT;
    for (int i = 0; i < count; i++) {
        if (!concealers[i] || !pcm[i] || (features && features[i] && !known[i])) {
            return DRED_ERR_ARGUMENT;
        }
    }
    for (int first = 0, n; first < count; first += n) {
        const dred_models *models = concealers[first]->models;
        n = 1;
        while (n < FARGAN_BATCH && first + n < count && concealers[first + n]->models == models)
            n++;
        step_block(concealers + first, n, features ? features + first : NULL,
                   features ? known + first : NULL, pcm + first, used ? used + first : NULL);
    }
    return DRED_OK;
}
