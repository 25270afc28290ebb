# SPDX-License-Identifier: BSD-3-Clause
"""The command line: finds the sub-command and turns failures into one line and an exit code.

Each sub-command is a module here with `add_parser(subparsers)` and `run(args)`; to add one, write
the module and name it in COMMANDS. A run returns None or 0 when done, or another exit code.
Modules are imported when asked for, and import what is heavy (torch, metrics, plots) inside `run`.

Conventions: results on stdout, remarks on stderr, `--json` prints one object and nothing else on
stdout. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted. DRED_DEBUG=1 shows the
traceback of a failure.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from dred._version import __version__
from dred.cli.interrupt import terminated_as_interrupted
from dred.errors import DredError, LossModelError

COMMANDS = (
    "encode", "decode", "simulate", "inspect", "send", "receive", "relay", "sweep", "advise",
    "trace", "models", "train", "bench",
)  # fmt: skip

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130


def get_parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser with these sub-commands."""
    parser = argparse.ArgumentParser(
        prog="dred",
        description="Deep redundancy (DRED) for Opus: speech that survives bursts of lost packets.",
        epilog="dred COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage, "
        "130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"dred {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in commands:
        import_module(f"dred.cli.{name}").add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Only wrong usage leaves by SystemExit, as argparse does."""
    argv = sys.argv[1:] if argv is None else list(argv)
    # Importing the one module that is needed keeps the start fast.
    asked = argv[:1] if argv and argv[0] in COMMANDS else COMMANDS
    args = get_parser(asked).parse_args(argv)
    try:
        with terminated_as_interrupted():
            return import_module(f"dred.cli.{args.command}").run(args) or DONE
    except BrokenPipeError:
        # The reader of our output is gone (`| head`); keep the interpreter from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except LossModelError as reason:
        return _failed(reason, WRONG_USAGE)
    except (DredError, OSError) as reason:
        return _failed(reason, FAILED)
    except MemoryError as reason:
        return _failed(reason, FAILED)
    except ValueError as reason:
        # The library's answer to an argument out of range.
        return _failed(reason, WRONG_USAGE)


def _failed(reason: Exception, code: int) -> int:
    if os.environ.get("DRED_DEBUG"):
        raise reason
    if isinstance(reason, OSError) and reason.filename and reason.strerror:
        text = f"{reason.filename}: {reason.strerror.lower()}"
    else:
        text = " ".join(str(reason).split()) or type(reason).__name__
    if isinstance(reason, MemoryError):
        text = f"not enough memory ({text}); give shorter files, or fewer at a time"
    print(f"dred: error: {text}", file=sys.stderr)
    return code
