# SPDX-License-Identifier: BSD-3-Clause
"""Writes laplace_tails.c, the models of magnitudes; knows nothing of coders.

Run in this directory after changing the formula: python make_tails.py > laplace_tails.c
"""

ESCAPE = 7  # symbol "7 and more"
ONE = 1 << 15

HEAD = """/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The 15-bit models of magnitudes, one per decay; knows not how they are used. Written by
 * make_tails.py. */
#include "coder/laplace.h"

/* clang-format off */
const uint16_t laplace_tails[256][LAPLACE_TAIL] = {"""


def tail(decay: int) -> list[int]:
    """Inverse cumulative frequencies, that before the first symbol in front. The floor 7 - i keeps
    every symbol decodable; the escape ends the model at 0."""
    values = [ONE]
    for i in range(ESCAPE):
        values.append(max(ESCAPE - i, values[-1] * (decay << 7) >> 15))
    return [*values, 0]


print(HEAD)
for decay in range(256):
    print(f"    {{{', '.join(map(str, tail(decay)))}}},")
print("};")
