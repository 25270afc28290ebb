# SPDX-License-Identifier: BSD-3-Clause
"""One page from the template, styles, scripts and data; knows not what the data mean.

The page asks for nothing: it opens from a disk, in a mail, offline."""

from __future__ import annotations

import html
import json
import re
from importlib import resources
from typing import Any

from dred.digits import finite

# What a page may do: run what is inside it, and nothing from anywhere else.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"


def build_page(title: str, data: dict[str, Any], *scripts: str) -> str:
    """scripts: names of the page's own scripts beside this module, in order."""
    parts = {
        "title": html.escape(title),
        "policy": html.escape(POLICY),
        "style": _read("page.css"),
        "script": "\n".join(map(_read, ("common.js", *scripts))),
        "data": embed(data),
    }
    # In one pass: data that look like a placeholder stay what they are.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _read("page.html"))


def embed(data: Any) -> str:
    """JSON that may stand inside a script element. NaN becomes null."""
    text = json.dumps(finite(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _read(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
