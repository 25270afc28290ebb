# SPDX-License-Identifier: BSD-3-Clause
"""The command line's reference in Markdown, from its argparse parser; knows no page."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

WIDTH = 80  # of usage lines


def render(root: Path) -> str:
    """Every command under its own heading, sub-commands below theirs."""
    sys.path.insert(0, str(root))
    try:
        from dred.cli import get_parser
    finally:
        sys.path.remove(str(root))
    return "\n".join(
        line
        for name, parser, says in commands(get_parser())
        for line in section(name, parser, says)
    )


def commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser, str]]:
    """(name with all its words, parser, one line) of everything below a parser, depth first."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            says = {each.dest: each.help or "" for each in action._choices_actions}
            for name, below in action.choices.items():
                yield below.prog, below, says.get(name, "")
                yield from commands(below)


def section(name: str, parser: argparse.ArgumentParser, says: str) -> Iterator[str]:
    """Heading, usage, arguments and closing words of one command."""
    formatter = argparse.HelpFormatter(prog=parser.prog, width=WIDTH)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups)
    usage = formatter.format_help().strip().removeprefix("usage: ")
    # dred trace make: one level below dred trace.
    yield f"\n{'#' * len(name.split())} {name}\n"
    if says:
        yield f"{sentence(expand(says, parser))}\n"
    yield f"```text\n{unindent(usage)}\n```\n"
    rows = [row(action, parser) for action in parser._actions if is_shown(action)]
    if rows:
        yield "| argument | meaning |\n|---|---|"
        yield from rows
        yield ""
    if parser.epilog:
        yield f"```text\n{parser.epilog.strip()}\n```\n"


def is_shown(action: argparse.Action) -> bool:
    kinds = (argparse._HelpAction, argparse._SubParsersAction)
    return not isinstance(action, kinds) and action.help is not argparse.SUPPRESS


def row(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """A line of the table."""
    value = action.metavar or (action.choices and "{" + ",".join(map(str, action.choices)) + "}")
    value = str(value or action.dest.upper()) if action.nargs != 0 else ""
    names = [f"{option} {value}".strip() for option in action.option_strings] or [value]
    text = expand(action.help or "", parser, action)
    required = " (required)" if action.required and action.option_strings else ""
    return f"| {', '.join(f'`{cell(name)}`' for name in names)} | {cell(text)}{required} |"


def expand(
    text: str, parser: argparse.ArgumentParser, action: argparse.Action | None = None
) -> str:
    """Help text with its %(default)s and the like filled in, as argparse does."""
    values = {"prog": parser.prog, **(vars(action) if action else {})}
    return " ".join((text % values).split())


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;") if text else ""


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def unindent(usage: str) -> str:
    """Continued lines of a usage, all indented alike."""
    first, *rest = usage.splitlines()
    return "\n".join([first, *(f"    {line.strip()}" for line in rest)])
