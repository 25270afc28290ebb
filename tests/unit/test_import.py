# SPDX-License-Identifier: BSD-3-Clause
"""What `import dred` loads, and that every public name is there when it is used."""

import json
import subprocess
import sys

import pytest

import dred


def in_new_process(code):
    """What a fresh interpreter prints, from JSON."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_import_is_light():
    loaded = in_new_process("import dred, json, sys; print(json.dumps(list(sys.modules)))")
    heavy = {"numpy", "soundfile", "soxr", "opuslib", "torch", "scipy", "matplotlib"}
    assert heavy.isdisjoint(loaded)


def test_use_needs_no_optional_package():
    code = "import dred, json, sys; dred.simulate; print(json.dumps(list(sys.modules)))"
    loaded = in_new_process(code)
    assert "numpy" in loaded
    assert {"torch", "scipy", "matplotlib"}.isdisjoint(loaded)


@pytest.mark.parametrize("name", dred.__all__)
def test_public_names(name):
    assert name in dir(dred)
    assert getattr(dred, name) is not None


@pytest.mark.parametrize("first", ["import dred.simulate", "from dred.simulate import SCHEMES", ""])
def test_simulate_is_the_function(first):
    code = f"{first}\nimport dred, json; print(json.dumps(type(dred.simulate).__name__))"
    assert in_new_process(code) == "function"


def test_modules_are_attributes():
    assert in_new_process("import dred; print(dred.stages.STEP)") == 160


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dred.nothing  # noqa: B018
