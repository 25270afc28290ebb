# SPDX-License-Identifier: BSD-3-Clause
"""The picture of curves that trainings keep."""

import pytest

pytest.importorskip("matplotlib")

from dred.cli import main
from dred.train.history import find_curves, read_curve


def write_run(folder, network, rows):
    (folder / network).mkdir(parents=True)
    (folder / network / "curve.csv").write_text("\r\n".join(",".join(row) for row in rows))


@pytest.fixture
def runs(tmp_path):
    for name, loss in (("a", "0.5"), ("b", "0.25")):
        rows = [("10", f"{60 * k}", "loss", loss) for k in range(200)]
        rows += [("10", "600", "valid_rd", "3.5"), ("10", "60")]  # the last one was cut off
        write_run(tmp_path / name, "rdovae_encoder", rows)
    return tmp_path


def test_a_curve_is_read_as_it_was_noted(runs):
    curve = read_curve(runs / "a" / "rdovae_encoder" / "curve.csv")
    assert curve["loss"] == ([float(k) for k in range(200)], [0.5] * 200)
    assert curve["valid_rd"] == ([10.0], [3.5])


def test_runs_of_one_network_lie_over_each_other(runs):
    write_run(runs / "a", "plc", [("1", "60", "loss", "1.5")])
    found = find_curves([runs / "a", runs / "b"])
    assert {network: len(places) for network, places in found.items()} == {
        "plc": 1, "rdovae_encoder": 2,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_picture(runs, suffix):
    from matplotlib.figure import Figure

    drawn = []
    draw = Figure.savefig

    def keep(figure, *arguments, **options):
        drawn.append(figure)
        draw(figure, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", keep)
        assert main(["train", "plot", str(runs), str(runs / f"curves.{suffix}")]) == 0
    start = {"png": b"\x89PNG", "svg": b"<?xml"}[suffix]
    assert (runs / f"curves.{suffix}").read_bytes().startswith(start)
    panels = drawn[0].axes
    assert [panel.get_title() for panel in panels] == [
        "rdovae_encoder: loss", "rdovae_encoder: rd",
    ]  # fmt: skip
    smooth = panels[0].lines[1]
    assert smooth.get_ydata().tolist() == pytest.approx([0.5] * len(smooth.get_ydata()))
    assert len(smooth.get_ydata()) < 100
    assert panels[1].lines[0].get_xdata().tolist() == [10.0]


@pytest.mark.parametrize(
    ("out", "says"), [("no/p.png", "no folder"), ("p.xyz", "picture cannot be written")]
)
def test_pictures_that_cannot_be(runs, out, says, capsys):
    assert main(["train", "plot", str(runs), str(runs / out)]) == 1
    assert says in capsys.readouterr().err


def test_a_folder_without_curves(tmp_path, capsys):
    assert main(["train", "plot", str(tmp_path), str(tmp_path / "p.png")]) == 1
    assert "no curve.csv" in capsys.readouterr().err
