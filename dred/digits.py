# SPDX-License-Identifier: BSD-3-Clause
"""Numbers out of text that others wrote, and into JSON that others read; knows no format."""

import math
from typing import Any


def whole(text: str, largest: int) -> int | None:
    """A number of ASCII digits up to `largest`, or None. Digits are counted first: `int` raises
    beyond some thousands of them, and takes those of all scripts."""
    digits = text.lstrip("0") or text[:1]
    if not (text.isascii() and text.isdigit()) or len(digits) > len(str(largest)):
        return None
    number = int(digits)
    return number if number <= largest else None


def finite(value: Any) -> Any:
    """A value for JSON: null where numbers are not finite, of which JSON has none."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
