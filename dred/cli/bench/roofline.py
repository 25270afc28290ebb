# SPDX-License-Identifier: BSD-3-Clause
"""How near the networks are to what this core can do: products of int8 weights from the nearest
cache and from a far one, dense and sparse, and each stage's share of the peak."""

from collections.abc import Iterator
from typing import Any

from dred._core import lib
from dred._native import check
from dred.cli.bench import stages, table
from dred.cli.bench.machine import fastest
from dred.cli.bench.setting import Setting

NEAR, FAR = (128, 128), (1024, 2048)  # inputs, outputs: 16 kB, 2 MB of weights
DENSITIES = (100, 50, 25)  # percent of the blocks
REPEAT_PRODUCTS = 100_000_000  # in one measurement, so that making the layer does not count


def _rate(kernels: str, shape: tuple[int, int], density: int, seconds: float) -> float:
    """Products per nanosecond."""
    name = kernels.encode("ascii")
    products = check(lib.dred_exercise(name, *shape, density, 0))
    repeat = max(1, REPEAT_PRODUCTS // products)
    empty = fastest(lambda: lib.dred_exercise(name, *shape, density, 0), seconds / 4)
    full = fastest(lambda: lib.dred_exercise(name, *shape, density, repeat), seconds)
    return float(products * repeat / (full - empty))


def measure(setting: Setting) -> dict[str, Any]:
    peaks = [
        {"kernels": kernels, "cache": cache, "density": density / 100,
         "products_per_ns": _rate(kernels, shape, density, setting.seconds)}
        for kernels in setting.by_kernels
        for cache, shape in (("near", NEAR), ("far", FAR))
        for density in DENSITIES
    ]  # fmt: skip
    best = setting.models.cpu
    peak = next(row["products_per_ns"] for row in peaks if row["kernels"] == best)
    shares = []
    for row in stages.measure(setting):
        if "products" in row:
            ns = row["ns"][best]
            shares.append(
                {
                    "stage": row["stage"],
                    "products": row["products"],
                    "streamed_bytes": row["streamed_bytes"],
                    "products_per_ns": row["products"] / ns,
                    "bytes_per_ns": row["streamed_bytes"] / ns,
                    "share_of_peak": row["products"] / ns / peak,
                }
            )
    return {"peaks": peaks, "kernels": best, "stages": shares}


def lines(result: dict[str, Any]) -> Iterator[str]:
    cells = [["int8 products per ns", *(f"{cache} {density:.2f}" for cache in ("near", "far")
              for density in (1, 0.5, 0.25))]]  # fmt: skip
    kernels = dict.fromkeys(row["kernels"] for row in result["peaks"])
    for name in kernels:
        rates = [row["products_per_ns"] for row in result["peaks"] if row["kernels"] == name]
        cells.append([name, *(f"{rate:.1f}" for rate in rates)])
    yield from table(cells)
    yield ""
    head = ["roofline", "products", "weights read", "products/ns", "bytes/ns", "of the peak"]
    yield from table(
        [head]
        + [
            [
                row["stage"],
                f"{row['products']:,}",
                f"{row['streamed_bytes'] / 1024:,.0f} kB",
                f"{row['products_per_ns']:.1f}",
                f"{row['bytes_per_ns']:.1f}",
                f"{100 * row['share_of_peak']:.0f} %",
            ]
            for row in result["stages"]
        ]
    )
