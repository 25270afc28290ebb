/* SPDX-License-Identifier: BSD-3-Clause
 *
 * How much stack the functions take that a call makes, measured on a painted one: some systems give
 * threads 128 kB. */
#define _XOPEN_SOURCE 700 /* pthread_attr_setstack */

#include "check.h"
#include "dred.h"
#include "network_images.h"

#ifndef _WIN32
#include <pthread.h>
#endif

enum { STACK = 1 << 20, PAINT = 0xA5, STREAMS = 8, USUAL = 64 * 1024, MANY = 144 * 1024 };

typedef struct call {
    const dred_models *models;
    dred_concealer *concealers[STREAMS];
    dred_encoder *encoder;
    dred_decoder *decoder;
    dred_vocoder *vocoder;
    unsigned char payload[400];
    int size;
} call;

static void *conceal(void *argument) {
    call *c = argument;
    float pcm[DRED_STEP];
    CHECK(dred_concealer_step(c->concealers[0], NULL, NULL, pcm) == 3);
    dred_concealer_corrected(c->concealers[0], pcm);
    return NULL;
}

static void *conceal_many(void *argument) {
    call *c = argument;
    static float audio[STREAMS][DRED_STEP];
    float *pcm[STREAMS];
    for (int i = 0; i < STREAMS; i++)
        pcm[i] = audio[i];
    CHECK(dred_concealer_step_many(c->concealers, STREAMS, NULL, NULL, pcm, NULL) == DRED_OK);
    return NULL;
}

static void *encode(void *argument) {
    call *c = argument;
    static float pcm[8 * DRED_STEP];
    dred_encode_request request = {.header = {4, 3, 15, 0}, .max_chunks = 3,
                                   .capacity = sizeof c->payload, .packet_start = 8 * DRED_STEP};
    dred_encode_result result;
    CHECK(dred_encoder_push(c->encoder, pcm, 8 * DRED_STEP) == 4);
    c->size = dred_encoder_payload(c->encoder, &request, c->payload, &result);
    CHECK(c->size > 0);
    return NULL;
}

static void *decode(void *argument) {
    call *c = argument;
    float features[DRED_FEATURES], pcm[DRED_STEP];
    CHECK(dred_decoder_parse(c->decoder, c->payload, c->size, 0, DRED_MAX_CHUNKS) > 0);
    CHECK(dred_decoder_features(c->decoder, 0, features) == DRED_OK);
    CHECK(dred_vocoder_process(c->vocoder, features, 1, pcm) == DRED_OK);
    return NULL;
}

#ifdef _WIN32 /* whose threads take no stack of ours: the functions run, unmeasured */
static int stack_of(void *(*function)(void *), call *c) { return function(c) != NULL; }
#else
static int stack_of(void *(*function)(void *), call *c) {
    uint8_t *stack = aligned_alloc(4096, STACK);
    pthread_attr_t attributes;
    pthread_t thread;
    int untouched = 0;
    memset(stack, PAINT, STACK);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstack(&attributes, stack, STACK) == 0);
    int error = pthread_create(&thread, &attributes, function, c);
    if (error == 0)
        CHECK(pthread_join(thread, NULL) == 0);
    else /* an emulator without threads */
        fprintf(stderr, "stack not measured: no thread (%s)\n", strerror(error));
    while (untouched < STACK && stack[untouched] == PAINT)
        untouched++;
    pthread_attr_destroy(&attributes);
    free(stack);
    return STACK - untouched;
}
#endif

static void check_stack(const char *name, void *(*function)(void *), call *c, int limit) {
    int bytes = stack_of(function, c);
#if defined(__SANITIZE_ADDRESS__)
    (void)limit; /* the sanitiser's red zones are most of it */
    (void)name;
    CHECK(bytes >= 0);
#else
    CHECK(bytes <= limit);
    if (bytes > limit)
        fprintf(stderr, "%s: %d bytes of stack\n", name, bytes);
#endif
}

void test_stack(void);
void test_stack(void) {
    image_builder image = {.seed = 7};
    image_networks(&image);
    call c = {.models = image_open(&image, NULL)};
    free(image.bytes);
    c.encoder = dred_encoder_create(c.models, NULL);
    c.decoder = dred_decoder_create(c.models, NULL);
    c.vocoder = dred_vocoder_create(c.models, NULL);
    for (int i = 0; i < STREAMS; i++)
        c.concealers[i] = dred_concealer_create(c.models, NULL);
    check_stack("conceal", conceal, &c, USUAL);
    check_stack("conceal_many", conceal_many, &c, MANY);
    check_stack("encode", encode, &c, USUAL);
    if (c.size > 0)
        check_stack("decode", decode, &c, USUAL);
    for (int i = 0; i < STREAMS; i++)
        dred_concealer_destroy(c.concealers[i]);
    dred_vocoder_destroy(c.vocoder);
    dred_decoder_destroy(c.decoder);
    dred_encoder_destroy(c.encoder);
    dred_models_destroy((dred_models *)c.models);
}
