# SPDX-License-Identifier: BSD-3-Clause
import json
import subprocess
import sys

import pytest

from dred.cli import get_parser, main
from dred.cli.options import integer, number, print_json


def test_make_stats_convert(tmp_path, capsys):
    made, converted = str(tmp_path / "a.txt"), str(tmp_path / "a.rle")
    model = "gilbert:p=0.06,r=0.25"
    assert main(["trace", "make", model, "--packets", "500", "--seed", "3", "-o", made]) == 0
    assert main(["trace", "convert", made, converted]) == 0
    assert capsys.readouterr().out == ""
    assert main(["trace", "stats", converted, "--json"]) == 0
    stats = json.loads(capsys.readouterr().out)
    assert stats["packets"] == 500
    assert stats["lost"] == (tmp_path / "a.txt").read_text().count("1")
    assert main(["trace", "stats", made]) == 0
    assert "500" in capsys.readouterr().out


def test_networks_times_and_fit(tmp_path, capsys):
    made = str(tmp_path / "a.csv")
    model = "bernoulli:p=0.1+jitter:mean=30ms,sd=20ms+duplicate:p=0.05"
    assert main(["trace", "make", model, "--packets", "2000", "-o", made]) == 0
    assert main(["trace", "convert", made, str(tmp_path / "a.pcapng")]) == 0
    stats = []
    for name in ("a.csv", "a.pcapng"):
        assert main(["trace", "stats", str(tmp_path / name), "--json"]) == 0
        stats.append(json.loads(capsys.readouterr().out))
    assert stats[0]["lost"] == stats[1]["lost"] > 100
    assert stats[0]["delays"]["duplicates"] == stats[1]["delays"]["duplicates"] > 50
    assert stats[1]["delays"]["p95_ms"] == pytest.approx(stats[0]["delays"]["p95_ms"], abs=0.01)
    assert len(stats[0]["autocorrelation"]) == 50
    assert main(["trace", "stats", made]) == 0
    assert "overtaken" in capsys.readouterr().out
    assert main(["trace", "fit", str(tmp_path / "a.pcapng")]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[2].startswith("bernoulli:p=")


def test_a_picture_of_a_trace(samples, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    picture = tmp_path / "a.png"
    assert main(["trace", "stats", str(samples / "bursty_20.txt"), "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in capsys.readouterr().out
    bad = str(tmp_path / "no_folder" / "a.png")
    assert main(["trace", "stats", str(samples / "bursty_20.txt"), "--plot", bad]) == 1


def test_the_samples_are_what_the_readme_makes(samples, tmp_path):
    lines = (samples / "README.md").read_text().splitlines()
    commands = [line.split()[1:] for line in lines if line.startswith("dred trace make")]
    assert len(commands) == 2
    for command in commands:
        out = tmp_path / "trace.txt"
        assert main([*command[:-1], str(out)]) == 0
        assert out.read_text() == (samples.parent / command[-1]).read_text()


@pytest.mark.parametrize(
    ("argv", "code", "says"),
    [
        (["trace", "stats", "nowhere.txt"], 1, "no such file"),
        (["trace", "make", "nonsense"], 2, "unknown loss model"),
        (["trace", "make", "bernoulli:p=0.1", "-o", "no_such_folder/a.txt"], 1, "no folder"),
    ],
)
def test_failures_are_one_line(argv, code, says, capsys):
    assert main(argv) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("dred: error: ")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "argv",
    [
        ["trace"],
        ["trace", "make", "bernoulli:p=0.1", "--packets", "0"],
        ["trace", "make", "bernoulli:p=0.1", "--packets", "many"],
        ["trace", "make", "bernoulli:p=0.1", "--packet-ms", "nan"],
        ["trace", "stats"],
    ],
)
def test_wrong_usage_is_exit_2(argv, capsys):
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ")


def test_values_out_of_range_are_exit_2_and_interrupts_130(monkeypatch, capsys):
    import dred.cli.trace

    def raising(error):
        def run(args):
            raise error

        monkeypatch.setattr(dred.cli.trace, "run", run)
        return main(["trace", "stats", "x"])

    assert raising(ValueError("bitrate must be positive")) == 2
    assert capsys.readouterr().err == "dred: error: bitrate must be positive\n"
    assert raising(KeyboardInterrupt()) == 130
    monkeypatch.setenv("DRED_DEBUG", "1")
    with pytest.raises(ValueError, match="bitrate"):
        raising(ValueError("bitrate"))


def test_a_reader_that_goes_away_is_no_traceback(root):
    command = (
        f"{sys.executable} -m dred.cli trace make bernoulli:p=0.1 --packets 200000 | head -n 1"
    )
    done = subprocess.run(command, shell=True, cwd=root, capture_output=True, text=True)
    assert done.stdout in ("0\n", "1\n")
    assert done.stderr == ""


def test_commands_start_without_what_they_do_not_need(root):
    code = (
        "import sys, dred.cli; dred.cli.get_parser();"
        "heavy = {'torch', 'matplotlib', 'pesq', 'pystoi', 'onnxruntime'};"
        "print(heavy & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_get_parser_is_pure(capsys):
    parser = get_parser(["trace", "models"])
    assert parser.parse_args(["models", "list"]).action == "list"
    assert capsys.readouterr() == ("", "")


def test_types_of_arguments():
    import argparse

    assert integer(1, 5)("5") == 5
    assert number(0.5)("0.5") == 0.5
    for parse, text in [(integer(1), "0"), (integer(1, 5), "6"), (integer(0), "1.5"),
                        (number(0), "-1"), (number(0), "inf"), (number(0), "x")]:  # fmt: skip
        with pytest.raises(argparse.ArgumentTypeError):
            parse(text)


def test_json_has_no_nan(capsys):
    print_json({"pesq": float("nan"), "list": [1.5, (float("inf"),)], "count": {3: 1}})
    assert json.loads(capsys.readouterr().out) == {
        "pesq": None, "list": [1.5, [None]], "count": {"3": 1},
    }  # fmt: skip
