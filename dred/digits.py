# SPDX-License-Identifier: BSD-3-Clause
"""Whole numbers out of text that others wrote; knows no format."""


def whole(text: str, largest: int) -> int | None:
    """A number of ASCII digits up to `largest`, or None. Digits are counted first: `int` raises
    beyond some thousands of them, and takes those of all scripts."""
    digits = text.lstrip("0") or text[:1]
    if not (text.isascii() and text.isdigit()) or len(digits) > len(str(largest)):
        return None
    number = int(digits)
    return number if number <= largest else None
