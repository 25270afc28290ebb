# SPDX-License-Identifier: BSD-3-Clause
"""Writes tables.c, the constants of the feature analysis; knows nothing of signals.

Run in this directory after changing a formula: python make_tables.py > tables.c
"""

from math import cos, pi, sin, sqrt

EDGES = [0, 4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 136, 160]
BANDS = 18
ORDER = 16
# Undoes the band widths (features.md section 7, step 2).
COMPENSATION = [0.8, *[1.0] * 7, 0.666667, 0.5, 0.5, 0.5, 0.333333, 0.25, 0.25, 0.2, 0.166667]
COMPENSATION += [0.173913]


def twiddle() -> list[float]:
    return [cos(2 * pi * k / 320) for k in range(400)]


def window() -> list[float]:
    return [sin(pi / 2 * sin(pi / 2 * (i + 0.5) / 160) ** 2) for i in range(160)]


def dct() -> list[float]:
    return [
        sqrt(2 / BANDS) * cos((j + 0.5) * i * pi / BANDS) * (sqrt(0.5) if i == 0 else 1)
        for j in range(BANDS)
        for i in range(BANDS)
    ]


def lag_matrix() -> list[float]:
    """Energy of each band to autocorrelation: interpolation to bins, then inverse DFT."""
    matrix = [[0.0] * (ORDER + 1) for _ in range(BANDS)]
    for i in range(BANDS - 1):
        width = EDGES[i + 1] - EDGES[i]
        for j in range(width):
            k = EDGES[i] + j
            for n in range(ORDER + 1):
                value = cos(2 * pi * k * n / 320) * (1 if k == 0 else 2)
                matrix[i][n] += (1 - j / width) * value * COMPENSATION[i]
                matrix[i + 1][n] += j / width * value * COMPENSATION[i + 1]
    return [value for row in matrix for value in row]


def emit(declaration: str, comment: str, values: list[float]) -> None:
    print(f"\n/* {comment} */\nconst float {declaration} = {{")
    for start in range(0, len(values), 5):
        row = (f"{value:.9g}" for value in values[start : start + 5])
        row = (text if "." in text or "e" in text else text + ".0" for text in row)
        print("    " + ", ".join(text + "f" for text in row) + ",")
    print("};")


def main() -> None:
    print("/* SPDX-License-Identifier: BSD-3-Clause\n *")
    print(" * Constants of the feature analysis, written by make_tables.py. */")
    print('#include "dsp/tables.h"')
    emit("table_cos320[TABLE_COS320]", "cos(2 pi k/320)", twiddle())
    emit("table_window[160]", "sin(pi/2 sin^2(pi/2 (i + 0.5)/160))", window())
    formula = "[j][i] = sqrt(2/18) cos((j + 0.5) i pi/18), i = 0 times sqrt(1/2)"
    emit("table_dct[18 * 18]", formula, dct())
    formula = "[band][lag]: triangle interpolation to bins, then inverse DFT"
    emit("table_lags[18 * 17]", formula, lag_matrix())


main()
