# SPDX-License-Identifier: BSD-3-Clause
"""The documentation: the tour runs, the site builds without a warning, nothing is left out."""

import argparse
import re
import subprocess
import sys

import pytest

pytest.importorskip("dred._core")

import dred
from dred.cli import get_parser

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


def test_the_tour_runs(root, monkeypatch):
    monkeypatch.chdir(root)
    page = root / "docs" / "tour.md"
    text = page.read_text()
    names = {}
    for block in BLOCK.finditer(text):
        # As many lines in front as the page has, so that a failure names its line.
        above = text.count("\n", 0, block.start(1))
        exec(compile("\n" * above + block[1], str(page), "exec"), names)
    assert {"heard", "described", "speech"} <= names.keys()


@pytest.fixture(scope="module")
def site(root, tmp_path_factory):
    """The built site."""
    pytest.importorskip("mkdocs", reason="no mkdocs (pip install 'dred[docs]')")
    pytest.importorskip("pygments", reason="no pygments (pip install 'dred[docs]')")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def words(page):
    """The text of a page, without tags."""
    text = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def parsers(parser):
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


def test_every_command_and_option_is_there(site):
    text = words(site / "reference" / "cli.html")
    for parser in list(parsers(get_parser()))[1:]:
        usage = text[text.index(f"\n{parser.prog} [-h]") :]
        table = usage[: usage.find("[-h]", 20 + len(parser.prog))]
        for action in parser._actions:
            for option in set(action.option_strings) - {"-h", "--help"}:
                assert option in table, f"{parser.prog} {option}"


def test_every_public_name_is_there(site):
    text = words(site / "reference" / "python.html")
    names = [name for name in dred.__all__ if callable(getattr(dred, name))]
    assert [name for name in names if not re.search(rf"\b{name}\(|class {name}\b", text)] == []
    assert "Receiver.pull() -> Floats" in text


def test_every_function_of_the_header_is_there(site, root):
    text = words(site / "reference" / "c.html")
    for header in ("dred.h", "dred_builtin.h"):
        source = (root / "csrc" / "include" / header).read_text()
        names = re.findall(r"^DRED_API .*?(\w+)\(", source, re.M)
        assert names
        assert [name for name in names if f"{name}(" not in text] == []
    assert "@param" not in text
    assert "DRED_API" not in text


def test_pages_need_no_other_host(site):
    found = [
        f"{page.name}: {address}"
        for page in site.rglob("*.html")
        for address in re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text()
        )
    ]
    assert found == []
