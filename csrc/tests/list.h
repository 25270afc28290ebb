/* SPDX-License-Identifier: BSD-3-Clause
 * One TEST(module) line per test file; included several times by main.c. */
TEST(dsp)
TEST(features)
TEST(resample)
TEST(coder)
TEST(payload)
TEST(packet)
TEST(nn)
TEST(kernels)
TEST(models)
TEST(realtime)
TEST(batch)
TEST(fusion)
