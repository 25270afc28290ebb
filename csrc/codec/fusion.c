/* SPDX-License-Identifier: BSD-3-Clause
 *
 * One vector out of several payloads that describe its time. Knows no packets and no networks.
 *
 * Packets in a row cut the past into chunks at different places, so that much of their errors is
 * not common to them: the mean of two is nearer to what was said than the better one. */
#include <math.h>
#include <stddef.h>

#include "dred.h"

enum {
    UNIT = 40,  /* samples in the 2.5 ms of the wire                                   */
    DETAIL = 2, /* place in a vector of the first cepstral coefficient beyond the tilt */
    PITCH = 18  /* and of the pitch                                                    */
};

/* Squared error of a vector: so much more per quantiser level, and so much more behind the newest
 * chunk, which the initial state describes as well (measured, of the cepstrum). */
static const double ERROR_PER_LEVEL = 1.15, ERROR_OLDER = 1.4;
static const float SAME_PITCH = 0.1f; /* octaves; what differs by more has no meaningful mean */

/* A decoder trained to be near in the mean gives too smooth a spectrum, and so does a mean of two.
 * This much more of its detail is worth .01 of PLCMOS and of PESQ; a tenth more costs PESQ again. */
static const float SHARPER = 1.08f;

/* A vector not yet decoded. */
typedef struct source {
    dred_decoder *decoder;
    int k;
    float error; /* expected squared one, in units of the finest possible */
} source;

/* Differences of times fit 64 bits. */
static int is_time(int64_t samples) {
    return samples > -((int64_t)1 << 61) && samples < (int64_t)1 << 61;
}

/* The vector whose centre lies nearest to a time. @return whether there is one */
static int find(dred_decoder *decoder, int64_t start, int64_t centre, source *found) {
    if (!is_time(start) || !is_time(centre)) return 0;
    int64_t end = start + UNIT * (int64_t)dred_decoder_offset(decoder);
    int64_t behind = end - centre - DRED_STEP + DRED_STEP / 2; /* k is centred at end - 160 (k + 1) */
    if (behind < 0 || behind >= DRED_STEP * DRED_MAX_CHUNKS * DRED_CHUNK_STEPS) return 0;
    int k = (int)(behind / DRED_STEP), level = dred_decoder_level(decoder, k);
    double older = k < DRED_CHUNK_STEPS ? 1 : ERROR_OLDER;
    *found = (source){decoder, k, (float)(older * pow(ERROR_PER_LEVEL, level))};
    return level >= 0;
}

/* The mean, weighted by 1 / error^2: a part of the error is common to both, so that the inverse of
 * the error would give the worse one too much. */
static void average(const source *fine, const source *coarse, float *features) {
    float other[DRED_FEATURES];
    dred_decoder_features(fine->decoder, fine->k, features);
    dred_decoder_features(coarse->decoder, coarse->k, other);
    float weight = (float)pow(fine->error, -2), second = (float)pow(coarse->error, -2);
    float sum = weight + second, pitch = features[PITCH];
    weight /= sum;
    second /= sum;
    int differ = fabsf(other[PITCH] - pitch) >= SAME_PITCH;
    for (int i = 0; i < DRED_FEATURES; i++)
        features[i] = weight * features[i] + second * other[i];
    if (differ)
        features[PITCH] = pitch;
}

int dred_features_at(dred_decoder *const *decoders, const int64_t *starts, int count,
                     int64_t centre, float *features) {
    if (count < 0 || (count > 0 && (!decoders || !starts))) return DRED_ERR_ARGUMENT;
    source best = {0}, second = {0}, next;
    int covering = 0;
    for (int i = 0; i < count && covering < DRED_FEATURES_FROM; i++) {
        if (!find(decoders[i], starts[i], centre, &next)) continue;
        covering++;
        if (!best.decoder || next.error < best.error) {
            second = best;
            best = next;
        } else if (!second.decoder || next.error < second.error) {
            second = next;
        }
    }
    if (!features || covering == 0) return covering;
    if (second.decoder)
        average(&best, &second, features);
    else
        dred_decoder_features(best.decoder, best.k, features);
    for (int i = DETAIL; i < PITCH; i++) features[i] *= SHARPER;
    return covering;
}
