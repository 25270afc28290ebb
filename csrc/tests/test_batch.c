/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Many streams, more than a block of the vocoder, on two sets of models: a batch gives each what it
 * would get alone. */
#include "check.h"
#include "network_images.h"

#include <string.h>

enum { STREAMS = 11, FIRST_MODELS = 2, STEPS = 6, GOOD = 3 * DRED_STEP };

/* Stream i has heard this much; those of odd number know features for their gap. */
static void start(dred_concealer *concealer, int i) {
    image_builder random = {.seed = (uint32_t)i + 1};
    float pcm[GOOD];
    for (int n = 0; n < GOOD; n++)
        pcm[n] = 0.2f * image_uniform(&random);
    CHECK(dred_concealer_good(concealer, pcm, GOOD - 20 * i) == DRED_OK);
}

static void check_same(const dred_models *few, const dred_models *others) {
    dred_concealer *alone[STREAMS], *together[STREAMS];
    static float vectors[3 * DRED_FEATURES], expected[DRED_STEP], pcm[STREAMS][DRED_STEP];
    static const unsigned char flags[3] = {1, 0, 1};
    const float *features[STREAMS];
    const unsigned char *known[STREAMS];
    float *out[STREAMS];
    int error, used[STREAMS];
    for (int i = 0; i < 3 * DRED_FEATURES; i++)
        vectors[i] = 0.1f * (float)(i % 7);
    for (int i = 0; i < STREAMS; i++) {
        const dred_models *models = i < FIRST_MODELS ? few : others;
        alone[i] = dred_concealer_create(models, &error);
        together[i] = dred_concealer_create(models, &error);
        start(alone[i], i);
        start(together[i], i);
        features[i] = i % 2 ? vectors : NULL;
        known[i] = i % 2 ? flags : NULL;
        out[i] = pcm[i];
    }
    for (int step = 0; step < STEPS; step++) {
        int with = step < STEPS - 1; /* in the last step nobody knows anything */
        CHECK(dred_concealer_step_many(together, STREAMS, with ? features : NULL,
                                       with ? known : NULL, out, used) == DRED_OK);
        for (int i = 0; i < STREAMS; i++) {
            int taken = dred_concealer_step(alone[i], with ? features[i] : NULL,
                                            with ? known[i] : NULL, expected);
            CHECK(taken == used[i]);
            CHECK(memcmp(expected, pcm[i], sizeof expected) == 0);
        }
    }
    /* A wrong argument of one stops all. */
    out[STREAMS - 1] = NULL;
    CHECK(dred_concealer_step_many(together, STREAMS, NULL, NULL, out, NULL) == DRED_ERR_ARGUMENT);
    CHECK(dred_concealer_step_many(together, STREAMS - 1, NULL, NULL, out, NULL) == DRED_OK);
    CHECK(dred_concealer_step_many(together, 1, features, NULL, out, NULL) == DRED_ERR_ARGUMENT);
    CHECK(dred_concealer_step_many(together, 0, NULL, NULL, out, NULL) == DRED_OK);
    for (int i = 0; i < STREAMS; i++) {
        dred_concealer_destroy(alone[i]);
        dred_concealer_destroy(together[i]);
    }
}

static dred_models *random_models(uint32_t seed) {
    image_builder image = {.seed = seed};
    image_networks(&image);
    dred_models *models = image_open(&image, NULL);
    free(image.bytes);
    return models;
}

void test_batch(void) {
    dred_models *few = random_models(6), *others = random_models(7);
    if (few != NULL && others != NULL)
        check_same(few, others);
    dred_models_destroy(few);
    dred_models_destroy(others);
}
