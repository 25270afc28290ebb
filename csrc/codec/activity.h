/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Voice activity good enough to leave out silence; knows nothing of what is coded. */
#ifndef CODEC_ACTIVITY_H
#define CODEC_ACTIVITY_H

typedef struct activity_state {
    float peak;  /* dB above full scale / 32768: level of the loudest recent speech, slowly falling */
    float floor; /* same scale: level of the quietest recent sound, slowly rising                 */
    int hang;    /* double steps still counted as speech after its end                            */
} activity_state;

void activity_reset(activity_state *state);
/* 1 where these samples (+-1) hold speech or its immediate end. */
int activity_step(activity_state *state, const float *pcm, int samples);

#endif
