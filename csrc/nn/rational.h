/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Constants of the rational tanh that all kernels share: x N(x^2)/D(x^2), error below 6.1e-5. It
 * is the reference's approximation, which keeps reference weights closest to its vectors. */
#ifndef NN_RATIONAL_H
#define NN_RATIONAL_H

#define TANH_N0 952.52801514f
#define TANH_N1 96.39235687f
#define TANH_N2 0.60863042f
#define TANH_D0 952.72399902f
#define TANH_D1 413.36801147f
#define TANH_D2 11.88600922f
/* Beyond 5.21 the result is +-1; the argument is limited so that its powers stay finite. */
#define TANH_LIMIT 10.0f

#endif
