/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The FARGAN vocoder: feature vectors to 16 kHz audio in +-1; knows no loss and no fading. */
#ifndef MODEL_FARGAN_H
#define MODEL_FARGAN_H

#include "nn/kernels.h"
#include "nn/load.h"

enum {
    FARGAN_FEATURES = 20,
    FARGAN_FRAME = 160,
    FARGAN_SUBFRAMES = 4,
    FARGAN_SUBFRAME = 40,
    FARGAN_QUEUE = 5,   /* feature vectors that fargan_resume takes */
    FARGAN_PAST = 320,  /* samples that fargan_resume takes         */
    FARGAN_PITCH = 256, /* past samples kept                        */
    FARGAN_EMBED = 12,
    FARGAN_PERIODS = 224,
    FARGAN_COND_DENSE = 64,
    FARGAN_MEMORY = 2, /* vectors before the newest that the conditioning sees */
    FARGAN_COND_CONV = 128,
    FARGAN_COND = 80, /* conditioning values per subframe */
    FARGAN_CONV = 192,
    FARGAN_CONV_INPUT = FARGAN_COND + FARGAN_SUBFRAME + 4 + FARGAN_SUBFRAME,
    FARGAN_GRUS = 3,
    FARGAN_UNITS1 = 160,
    FARGAN_UNITS = 128,
    FARGAN_SKIP = 128,
    FARGAN_BATCH = 8 /* streams at a time, at most: no more than NN_BATCH */
};

typedef struct fargan {
    const kernel_table *kernels;
    const float *period_embedding; /* [FARGAN_PERIODS][FARGAN_EMBED] */
    linear cond_dense1, cond_conv, cond_dense2;
    linear gain, conv, conv_glu, pitch_gains;
    gru gru[FARGAN_GRUS];
    linear gru_glu[FARGAN_GRUS];
    linear skip, skip_glu, output;
} fargan;

typedef struct fargan_state {
    float pitch[FARGAN_PITCH];                /* past output, pre-emphasised            */
    float cond[FARGAN_MEMORY][FARGAN_COND_DENSE]; /* first layer of the last vectors, older first */
    float conv[FARGAN_CONV_INPUT];            /* convolution input of the last subframe */
    float gru[FARGAN_GRUS][FARGAN_UNITS1];    /* the second and third use FARGAN_UNITS  */
    float deemphasis;
    int period; /* of the frame to synthesise next, in samples; 0 after a reset */
} fargan_state;

int fargan_present(const weights_image *image);
int fargan_load(fargan *net, const weights_image *image, const kernel_table *kernels,
                arena *memory);
/* All zeros; fargan_step from here on fades in from silence. */
void fargan_reset(fargan_state *state);
/* Continue real audio from its last 320 samples and five feature vectors, oldest first, of which
 * two lie beyond the end. */
void fargan_resume(const fargan *net, fargan_state *state, const float pcm[FARGAN_PAST],
                   const float features[FARGAN_QUEUE * FARGAN_FEATURES]);
/* One frame; the vector fed is two steps ahead of the audio. */
void fargan_step(const fargan *net, fargan_state *state, const float features[FARGAN_FEATURES],
                 float pcm[FARGAN_FRAME]);
/* The same for `count` streams, at most FARGAN_BATCH: the weights are fetched once for all. Takes
 * 12 kB of stack for each of them. */
void fargan_step_many(const fargan *net, fargan_state *const *states, const float *const *features,
                      float *const *pcm, int count);

#endif
