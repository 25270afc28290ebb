# SPDX-License-Identifier: BSD-3-Clause
"""Everything that says how good the networks are, ours beside reference weights, in one run.

Sections: rate and distortion of the redundancy coders at all sixteen levels (`coder`), pitch
network (`pitch`), feature predictor (`plc`), vocoder alone (`vocoder`), the whole chain over losses
(`chain`), words that a recogniser understands (`words`), float weights beside the stored ones
(`int8`, with --float). Measure on `valid` while tuning and on `test` for the record.

Writes OUT/quality.json, OUT/tables.md (as in the model card), OUT/rate_distortion.png,
OUT/chain.png. A section replaces its own part of quality.json and leaves the others; what is there
of the same weights and options is not measured again, so that the same command goes on after an
interruption. After changes of the code measure into a new folder.

Needs the extras train, eval, lab and (for words) wer, and weights to compare with; by default those
of the optional extra data ($DRED_SHARED, default ../shared).
Run: `python tools/bench/quality.py valid OUT --sections coder,chain`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from quality_show import tables, write_plots
from quality_speech import (
    BURST,
    CHAIN_SCHEMES,
    WORD_SCHEMES,
    Chain,
    choose,
    compare,
    fluent,
    measure,
    rows,
)

from dred.cli.options import integer, progress, warn
from dred.errors import DredError
from dred.evaluate.metrics import measure as score
from dred.evaluate.sweep import find_sounds
from dred.models import embedded_files, load_models
from dred.train.curves import (
    core_coder,
    feature_sequences,
    rate_at_equal_distortion,
    rate_distortion,
)
from dred.train.data import SpeechData
from dred.train.features import build
from dred.train.report import (
    OURS,
    REFERENCE,
    coder_report,
    long_files,
    pitch_figures,
    predictor_figures,
    rate_by_source,
    speak,
)

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("DRED_SHARED", ROOT.parent / "shared"))
WEIGHTS = SHARED / "reference" / "opus-1.6.1"
FLOAT = "float"
RATE = 16000
Figures = dict[str, Any]


def percents(text: str) -> list[str]:
    """Loss rates separated by commas."""
    return [str(integer(1, 90)(part)) for part in text.split(",")]


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("split", choices=("valid", "test"), help="valid to tune, test for records")
    parser.add_argument("out", type=Path, help="folder for the results")
    parser.add_argument("--sections", default=",".join(k for k in SECTIONS if k != "int8"),
                        help=f"of {', '.join(SECTIONS)} (default: all but int8)")  # fmt: skip
    parser.add_argument("--speech", type=Path, help="folder of the speech (16 kHz mono)")
    parser.add_argument("--data", type=Path, help="its data folder, if it was made before")
    parser.add_argument("--ours", type=Path, nargs="+", help="weight files (default: embedded)")
    parser.add_argument("--reference", type=Path, default=WEIGHTS / "weights.bin")
    parser.add_argument("--scratch", type=Path, nargs="+", default=[], metavar="FILE",
                        help="weights of coders with profiles of their own")  # fmt: skip
    parser.add_argument("--float", type=Path, nargs="+", dest="unrounded", metavar="FILE",
                        help="our networks in float ('dred train --float'), for int8")  # fmt: skip
    parser.add_argument("--files", type=integer(1), default=24, help="for speech (default 24)")
    parser.add_argument("--sequences", type=integer(1), help="of 3.12 s, for coders (default all)")
    parser.add_argument("--losses", type=percents, default=["10", "20", "30", "40"],
                        help="of the whole chain (default 10,20,30,40)")  # fmt: skip
    parser.add_argument("--word-losses", type=percents, default=["20"],
                        help="the same, for words (default 20)")  # fmt: skip
    parser.add_argument("--metrics", default="pesq,stoi,plcmos")
    parser.add_argument("--bitrate", type=integer(6000), default=32000, help="of the whole chain")
    parser.add_argument("--jobs", type=integer(1), default=1, help="processes for the whole chain")
    return parser


@dataclass(frozen=True)
class Setup:
    """What sections measure."""

    args: argparse.Namespace
    speech: Path
    sides: dict[str, Path]  # ours first

    @property
    def metrics(self) -> list[str]:
        return self.args.metrics.split(",")

    @cached_property
    def data(self) -> SpeechData:
        """Features of the speech, with the reference's pitch network; computed where they lack."""
        if self.args.data is not None:
            return SpeechData(self.args.data)
        folder = self.args.out / f"{self.args.split}.data"
        if not (folder / "files.json").exists():
            build(self.speech, folder, self.sides[REFERENCE], tell=warn,
                  progress=lambda files: progress(files, "features"))  # fmt: skip
        return SpeechData(folder)

    @cached_property
    def sequences(self) -> torch.Tensor:
        return feature_sequences(self.data, self.args.sequences)

    @cached_property
    def fingerprint(self) -> dict[str, Any]:
        """What results depend on, apart from the code: hashes of weights, and options."""
        options = ("files", "sequences", "losses", "word_losses", "metrics", "bitrate")
        files = self.sides | {path.stem: path for path in self.args.scratch}
        return {
            **{name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
            **{name: getattr(self.args, name) or 0 for name in options},
        }

    def chain(self, *sides: str) -> Chain:
        chosen = {side: self.sides[side] for side in sides}
        return Chain(self.args.out, chosen, self.args.bitrate, self.args.jobs)


def coder(setup: Setup) -> Figures:
    """Rate and distortion of all pairs of encoder and decoder, and of other profiles."""
    sides = {side: core_coder(load_models(setup.sides[side])) for side in (OURS, REFERENCE)}
    report = coder_report(sides, setup.sequences)
    report["rate_by_source"] = rate_by_source(sides[OURS], sides[REFERENCE], setup.data)
    base = report["curves"][f"{REFERENCE} encoder, {REFERENCE} decoder"]
    for weights in setup.args.scratch:
        curve = rate_distortion(core_coder(load_models(weights)), setup.sequences)
        report["curves"][weights.stem] = curve
        report["rate_ratio"][weights.stem] = rate_at_equal_distortion(curve, base)
    return report


def pitch(setup: Setup) -> Figures:
    """Agreement with the reference's pitch network."""
    return {OURS: pitch_figures(setup.sides[OURS], setup.sides[REFERENCE], setup.data)}


def plc(setup: Setup) -> Figures:
    """Features of lost steps."""
    return {side: predictor_figures(setup.sides[side], setup.data) for side in (OURS, REFERENCE)}


def vocoder(setup: Setup, sides: tuple[str, str] = (OURS, REFERENCE)) -> Figures:
    """Scores of speech made of natural features."""
    found: dict[str, dict[str, dict[str, float]]] = {side: {} for side in sides}
    models = {side: load_models(setup.sides[side]) for side in sides}
    for entry in progress(long_files(setup.data, setup.args.files), "vocoder"):
        for side in sides:
            pair = speak(models[side], setup.data, entry)
            found[side][entry["file"]] = score(*pair, RATE, setup.metrics)
    return compare(found, setup.metrics)


def chain(setup: Setup, sides: tuple[str, str] = (OURS, REFERENCE)) -> Figures:
    """Scores over losses, and over bursts of a second."""
    sounds = choose(find_sounds(setup.speech), setup.args.files)
    cases = list(rows([*setup.args.losses, BURST], CHAIN_SCHEMES))
    return measure(setup.chain(*sides), sounds, cases, setup.metrics, "chain")


def words(setup: Setup) -> Figures:
    """Word error rates; the words are those that the recogniser hears in the original."""
    sounds = choose(fluent(setup.speech), setup.args.files)
    cases = list(rows(setup.args.word_losses, WORD_SCHEMES))
    return measure(setup.chain(OURS, REFERENCE), sounds, cases, ["wer"], "words")


def int8(setup: Setup) -> Figures:
    """The sections that can tell, and the sizes, with the stored and with float weights."""
    if FLOAT not in setup.sides:
        raise DredError("the section int8 needs --float: weight files of 'dred train --float'")
    curves = {
        side: rate_distortion(core_coder(load_models(setup.sides[side])), setup.sequences)
        for side in (OURS, FLOAT)
    }
    return {
        "bytes": {side: setup.sides[side].stat().st_size for side in (OURS, FLOAT)},
        "curves": curves,
        "rate_ratio": rate_at_equal_distortion(curves[OURS], curves[FLOAT]),
        "vocoder": vocoder(setup, (OURS, FLOAT)),
        "chain": chain(setup, (OURS, FLOAT)),
    }


SECTIONS: dict[str, Callable[[Setup], Figures]] = {
    "coder": coder, "pitch": pitch, "plc": plc, "vocoder": vocoder, "chain": chain, "words": words,
    "int8": int8,
}  # fmt: skip


def joined(path: Path, images: list[bytes]) -> Path:
    """One weight file of several."""
    path.write_bytes(b"".join(images))
    return path


def prepare(args: argparse.Namespace) -> Setup:
    """Checks that all is there, and gathers the weights in the output folder."""
    speech = args.speech or SHARED / "speech" / args.split
    given = [*(args.ours or []), *(args.unrounded or []), *args.scratch]
    for path in (args.reference, speech, *given):
        if not path.exists():
            raise DredError(f"{path}: not there; name it by an option or set DRED_SHARED")
    args.out.mkdir(parents=True, exist_ok=True)
    ours = [p.read_bytes() for p in args.ours] if args.ours else [*embedded_files().values()]
    sides = {OURS: joined(args.out / "ours.bin", ours), REFERENCE: args.reference}
    if args.unrounded:
        sides[FLOAT] = joined(args.out / "float.bin", [p.read_bytes() for p in args.unrounded])
    return Setup(args, speech, sides)


def read(file: Path) -> Figures:
    """A quality.json, with NaN where it says null."""
    found: Figures = json.loads(
        file.read_text(),
        object_hook=lambda table: {k: math.nan if v is None else v for k, v in table.items()},
    )
    return found


def measured(setup: Setup, names: list[str]) -> Figures:
    """What earlier runs wrote, with these sections anew; written after each."""
    file = setup.args.out / "quality.json"
    result = read(file) if file.exists() else {}
    if result.get("split", setup.args.split) != setup.args.split:
        raise DredError(f"{file}: is of {result['split']}; name another folder")
    result["split"] = setup.args.split
    of = setup.fingerprint
    for name in names:
        if name in result and result["of"][name] == of:
            continue
        began = time.monotonic()
        result[name] = SECTIONS[name](setup)
        result.setdefault("of", {})[name] = of
        result.setdefault("seconds", {})[name] = round(time.monotonic() - began, 1)
        # JSON knows no NaN
        file.write_text(json.dumps(result, indent=1).replace("NaN", "null") + "\n")
    return result


def main(argv: list[str] | None = None) -> int:
    args = get_parser().parse_args(argv)
    names = args.sections.split(",")
    if unknown := sorted(set(names) - set(SECTIONS)):
        print(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    torch.set_num_threads(1)
    torch.manual_seed(0)
    try:
        result = measured(prepare(args), names)
    except (DredError, ValueError) as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    write_plots(result, args.out)
    text = tables(result)
    (args.out / "tables.md").write_text(text)
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
