# SPDX-License-Identifier: BSD-3-Clause
"""The documentation: the tour runs, the site builds without a warning, nothing is left out."""

import argparse
import itertools
import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest
import soundfile

pytest.importorskip("dred._core")

import dred
from dred.cli import get_parser, main
from dred.cli.decode import NOTHING_CAME
from dred.cli.send import write_sdp
from dred.errors import TraceError
from dred.evaluate.metrics import find_shift
from dred.receiver.recovery import why_guessed
from dred.traces import parse_model
from dred.traces.parse import _KINDS

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


def pages(root):
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]


def test_commands_are_understood(root):
    """Of those printed as they are typed, none has an option that does not exist."""
    found = []
    for page in pages(root):
        for block in re.finditer(r"^```(?:text)?\n(.*?)^```$", page.read_text(), re.M | re.S):
            lines = block[1].replace("\\\n", " ").splitlines()
            found += [(page.name, line) for line in lines if line.startswith("dred ")]
    assert len(found) > 30
    for name, line in found:
        words = [word for word in shlex.split(line, comments=True) if word != "&"]
        try:
            get_parser().parse_args(words[1:])
        except SystemExit as left:
            pytest.fail(f"{name}: {line}: {left}")


def test_options_named_in_the_text_exist(root):
    known = {option for parser in parsers(get_parser()) for option in parser._option_string_actions}
    for page in pages(root):
        for words in re.findall(r"`dred ([^`\n]+)`", page.read_text()):
            options = re.findall(r"--[a-z][a-z-]+", words)
            assert {*options} <= known, f"{page.name}: dred {words}"
    assert "`dred train NETWORK … --print-config` prints the settings" in (
        root / "docs" / "guide" / "training.md"
    ).read_text().replace("\n", " ")


@pytest.mark.parametrize("page", ["README.md", "docs/guide/first-steps.md"])
def test_a_second_lost_is_spoken_again_by_the_printed_commands(
    root, page, tmp_path, samples, monkeypatch, capsys
):
    """What the page promises needs both options: without them a fifth of a second is described."""
    encode, decode = (
        re.sub(r" {2,}", " ", re.search(rf"^dred {name} .*$", (root / page).read_text(), re.M)[0])
        for name in ("encode", "decode")
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "speech.wav").write_bytes((samples / "slt_16k.wav").read_bytes())
    assert main(shlex.split(encode, comments=True)[1:]) == 0
    assert main([*shlex.split(decode, comments=True)[1:], "--json"]) == 0
    report = json.loads(capsys.readouterr().out.split("\n", 2)[2])
    assert report["lost"] > 150
    assert report["frames"]["dred"] > 2 * report["frames"]["plc"]


def test_the_example_of_the_readme_plays_to_the_end(root, samples, tmp_path, monkeypatch):
    text = (root / "README.md").read_text()
    pcm, rate = soundfile.read(samples / "slt_16k.wav", dtype="float32")
    soundfile.write(tmp_path / "speech.wav", pcm[: 4 * rate], rate)
    (tmp_path / "samples").symlink_to(samples)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(BLOCK.search(text)[1], names)
    heard = np.concatenate(names["heard"])[rate:]  # behind the second that the receiver waits
    original = pcm[: 4 * rate]
    assert len(heard) >= len(original)
    # The very end, which no loss touches, is the same sound.
    last = slice(3 * rate + rate // 2, 4 * rate - 800)
    shift = find_shift(original[last], heard[last], 400)
    end = heard[last.start + shift : last.stop + shift]
    assert np.corrcoef(original[last], end)[0, 1] > 0.8


def test_every_loss_model_is_told_everywhere(root, capsys):
    told = (root / "docs" / "guide" / "losing.md").read_text()
    with pytest.raises(SystemExit):
        get_parser().parse_args(["simulate", "--help"])
    said = capsys.readouterr().out
    with pytest.raises(TraceError) as caught:
        parse_model("nonsense")
    for kind in (*_KINDS, "trace"):
        assert f"`{kind}:" in told, kind
        assert f"{kind}:" in said, kind
        assert f"{kind}:" in str(caught.value), kind


def test_every_reason_of_a_sender_is_explained(root):
    page = (root / "docs" / "guide" / "troubleshooting.md").read_text()
    source = (root / "dred" / "sender.py").read_text()
    reasons = ("between payloads", "no duration asked", "no loss announced", "silence",
               "no history yet", "too little bitrate")  # fmt: skip
    for reason in reasons:
        assert f'"{reason}"' in source, reason
        assert f"| {reason} |" in page, reason


def test_every_reason_of_a_guess_is_explained(root):
    page = (root / "docs" / "guide" / "troubleshooting.md").read_text()
    flags = itertools.product((False, True), repeat=4)
    reasons = {
        why_guessed(used=used, waiting=waiting, described=described, newer=newer)
        for used, waiting, described, newer in flags
    }
    assert len(reasons) == 5
    for reason in reasons | {NOTHING_CAME}:
        assert f"| {reason} |" in page, reason


def test_the_session_description_printed_is_the_one_made(root, capsys):
    """By the lines of Python beside it, and by `dred send` with its defaults."""
    text = (root / "docs" / "guide" / "calls.md").read_text()
    shown = re.search(r"^```text\n(a=rtpmap.*?)^```$", text, re.M | re.S)[1]
    (code,) = (block for block in BLOCK.findall(text) if "OpusFormat" in block)
    exec(code, {})
    assert capsys.readouterr().out == shown
    args = get_parser().parse_args(["send", "in.wav", "--to", "127.0.0.1:5004", "--sdp", "-"])
    write_sdp(args, 1)
    assert shown.replace("\n", "\r\n") in capsys.readouterr().out


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
