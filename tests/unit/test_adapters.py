# SPDX-License-Identifier: BSD-3-Clause
"""Adapters where the programs they are for are not installed."""

import subprocess
import sys

import pytest

pytest.importorskip("dred._core")

from dred.errors import UnavailableError


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "aiortc", None)
    monkeypatch.delitem(sys.modules, "dred.adapters.aiortc", raising=False)
    with pytest.raises(UnavailableError, match=r"needs aiortc.*: pip install 'dred\[voip\]'$"):
        __import__("dred.adapters.aiortc")


def test_the_package_imports_no_adapter():
    assert "dred" in sys.modules
    code = "import sys, dred, dred.cli; assert not {'aiortc', 'av'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
