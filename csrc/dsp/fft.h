/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Real FFT of 320 samples; knows nothing of windows and bands. */
#ifndef DSP_FFT_H
#define DSP_FFT_H

enum { FFT_SIZE = 320, FFT_BINS = 161 };

/* X[k] = (1/320) sum_n in[n] e^(-j 2 pi k n/320), k = 0..160. */
void fft320_forward(const float in[FFT_SIZE], float re[FFT_BINS], float im[FFT_BINS]);
/* The samples of such a spectrum; the imaginary parts of bins 0 and 160 are to be 0. */
void fft320_inverse(const float re[FFT_BINS], const float im[FFT_BINS], float out[FFT_SIZE]);

#endif
