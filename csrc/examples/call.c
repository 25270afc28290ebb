/* SPDX-License-Identifier: BSD-3-Clause
 *
 * DRED in an existing libopus call: encode, attach, lose, find, conceal. Knows no network.
 *
 *   cc call.c $(pkg-config --cflags --libs dred opus) -lm -o call
 *   ./call < speech.raw > heard.raw         16 kHz, mono, signed 16 bits
 *
 * Packet n sounds from sample 320 n of the output on; that is the receiver's whole arithmetic. */
#include <dred.h>
#include <dred_builtin.h>
#include <math.h>
#include <opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RATE = DRED_SAMPLE_RATE,
    FRAME = 2 * DRED_STEP, /* 20 ms                                                          */
    DELAY = 50,            /* frames of jitter buffer: bursts up to this long can be recovered */
    RING = 64,             /* packets kept; more than DELAY                                  */
    CENTRE = 240           /* from the start of a step to the window of the vector it needs  */
};

typedef struct packet {
    unsigned char data[1500];
    int size; /* 0: lost */
} packet;

static void require(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "call: %s\n", what);
        exit(1);
    }
}

/* ---- sender --------------------------------------------------------------------------------- */

typedef struct sender {
    OpusEncoder *opus;
    dred_encoder *dred;
    long sent;     /* packets */
    int lookahead; /* samples by which decoded audio lags */
} sender;

static void send_frame(sender *tx, const opus_int16 *pcm, packet *out) {
    unsigned char regular[1275], payload[60]; /* 60 bytes a packet: at most 24 kb/s of DRED */
    dred_encode_request request = {.header = {.q0 = 9, .dq = 3, .qmax = 15}, .trim = 1};
    dred_encode_result result;
    float samples[FRAME];
    int size = opus_encode(tx->opus, pcm, FRAME, regular, sizeof regular);
    require(size > 0, "cannot encode");

    for (int i = 0; i < FRAME; i++)
        samples[i] = pcm[i] / 32768.0f;
    dred_encoder_push(tx->dred, samples, FRAME);
    request.max_chunks = DRED_MAX_CHUNKS;
    request.capacity = sizeof payload;
    request.packet_start = tx->sent++ * FRAME - tx->lookahead;
    int bytes = dred_encoder_payload(tx->dred, &request, payload, &result);
    out->size = bytes > 0
                    ? dred_packet_attach(regular, size, DRED_EXTENSION_VERSION, payload, bytes,
                                         out->data, sizeof out->data)
                    : 0; /* result.reason says why there is none */
    if (out->size <= 0)
        memcpy(out->data, regular, (size_t)(out->size = size));
}

/* ---- receiver ------------------------------------------------------------------------------- */

typedef struct receiver {
    OpusDecoder *opus;
    dred_decoder *dred[DRED_FEATURES_FROM]; /* of the first packets behind a gap   */
    int64_t starts[DRED_FEATURES_FROM];     /* their first samples in the output   */
    int payloads;                           /* how many there are                  */
    dred_concealer *concealer;
    packet ring[RING];
    int in_gap;
    long made;      /* time up to which the concealer has made audio: a step ahead */
    long steps, described; /* made in gaps, and of them with known vectors: for the report */
} receiver;

/* Have the first packets behind frame n parsed, as far as they have arrived. */
static void look_ahead(receiver *rx, long n) {
    int offset, size, frame;
    rx->payloads = 0;
    for (long next = n + 1; next <= n + DELAY && rx->payloads < DRED_FEATURES_FROM; next++) {
        const packet *p = &rx->ring[next % RING];
        if (dred_packet_find(p->data, p->size, DRED_EXTENSION_VERSION, &offset, &size, &frame) !=
            DRED_OK)
            continue; /* lost, or it carries none */
        int i = rx->payloads++;
        if (rx->starts[i] == next * FRAME)
            continue; /* parsed for the frame before */
        rx->starts[i] = next * FRAME;
        dred_decoder_parse(rx->dred[i], p->data + offset, size, frame, DRED_MAX_CHUNKS);
    }
}

/* The next 10 ms of the gap. Corrected audio comes three steps late: at first it takes four. */
static void conceal_step(receiver *rx, float *pcm) {
    float features[3 * DRED_FEATURES], raw[DRED_STEP];
    unsigned char known[3];
    do {
        int wanted = dred_concealer_wants(rx->concealer); /* 3 where a gap begins, then 1 */
        for (int i = 0; i < wanted; i++)
            known[i] = dred_features_at(rx->dred, rx->starts, rx->payloads,
                                        rx->made + CENTRE - (wanted - 1 - i) * DRED_STEP,
                                        features + i * DRED_FEATURES) > 0;
        dred_concealer_step(rx->concealer, features, known, raw);
        rx->steps++;
        rx->described += known[wanted - 1];
        rx->made += DRED_STEP;
    } while (dred_concealer_corrected(rx->concealer, pcm) == 0);
}

static void play_frame(receiver *rx, long n, float *pcm) {
    float run_on[DRED_STEP], unused[FRAME];
    packet *p = &rx->ring[n % RING];
    if (p->size == 0) {
        look_ahead(rx, n);
        if (!rx->in_gap)
            rx->made = n * FRAME;
        for (int i = 0; i < FRAME; i += DRED_STEP) conceal_step(rx, pcm + i);
        /* The decoder's state moves on as well. */
        require(opus_decode_float(rx->opus, NULL, 0, unused, FRAME, 0) == FRAME, "cannot decode");
        rx->in_gap = 1;
        return;
    }
    require(opus_decode_float(rx->opus, p->data, p->size, pcm, FRAME, 0) == FRAME, "cannot decode");
    if (rx->in_gap) { /* fade out of the synthesis: what it is ahead is taken back afterwards */
        conceal_step(rx, run_on);
        dred_concealer_rewind(rx->concealer, (int)(rx->made - n * FRAME));
        for (int i = 0; i < DRED_STEP; i++)
            pcm[i] = run_on[i] + (pcm[i] - run_on[i]) * (i + 0.5f) / DRED_STEP;
        rx->in_gap = 0;
    }
    dred_concealer_good(rx->concealer, pcm, FRAME);
    p->size = 0; /* the place is free for packet n + RING */
}

/* ---- the call: both ends in one program ------------------------------------------------------ */

/* 300 ms of every second. */
static int is_lost(long n) {
    return n % 50 >= 35;
}

int main(void) {
    static receiver rx;
    sender tx = {0};
    int error;
    long lost = 0;
    dred_models *models = dred_models_builtin(&error);
    require(models != NULL, dred_strerror(error));
    tx.opus = opus_encoder_create(RATE, 1, OPUS_APPLICATION_VOIP, &error);
    tx.dred = dred_encoder_create(models, &error);
    rx.opus = opus_decoder_create(RATE, 1, &error);
    for (int i = 0; i < DRED_FEATURES_FROM; i++)
        require((rx.dred[i] = dred_decoder_create(models, &error)) != NULL, dred_strerror(error));
    rx.concealer = dred_concealer_create(models, &error);
    require(tx.opus && tx.dred && rx.opus && rx.concealer, "cannot create the codecs");
    opus_encoder_ctl(tx.opus, OPUS_SET_BITRATE(16000));
    opus_encoder_ctl(tx.opus, OPUS_GET_LOOKAHEAD(&tx.lookahead));

    for (long n = -DELAY; n < 0 || n < tx.sent; n++) { /* frame n is played */
        opus_int16 pcm[FRAME] = {0};
        float heard[FRAME];
        if (fread(pcm, sizeof *pcm, FRAME, stdin) > 0) {
            packet *p = &rx.ring[tx.sent % RING];
            send_frame(&tx, pcm, p);
            if (is_lost(tx.sent - 1)) {
                p->size = 0;
                lost++;
            }
        }
        if (n < 0 || n >= tx.sent)
            continue;
        play_frame(&rx, n, heard);
        for (int i = 0; i < FRAME; i++)
            pcm[i] = (opus_int16)(32767.0f * fmaxf(-1.0f, fminf(1.0f, heard[i])));
        require(fwrite(pcm, sizeof *pcm, FRAME, stdout) == FRAME, "cannot write");
    }
    fprintf(stderr, "%ld packets, %ld lost, %ld of %ld steps made were described\n", tx.sent, lost,
            rx.described, rx.steps);
    dred_concealer_destroy(rx.concealer);
    for (int i = 0; i < DRED_FEATURES_FROM; i++)
        dred_decoder_destroy(rx.dred[i]);
    opus_decoder_destroy(rx.opus);
    dred_encoder_destroy(tx.dred);
    opus_encoder_destroy(tx.opus);
    dred_models_destroy(models);
    return 0;
}
