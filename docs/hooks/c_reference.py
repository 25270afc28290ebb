# SPDX-License-Identifier: BSD-3-Clause
"""The C reference in Markdown, from the comments and declarations of a header; knows its style:
sections open with `/* ---- title ---- */`, a comment precedes what it speaks of."""

import re
from collections.abc import Iterator

SECTION = re.compile(r"/\* -{3,} (.+?) -+ \*/")
# What is for the compiler and for the build, not for readers.
NOISE = re.compile(r'^(?:#.*|extern "C" \{|\}|/\* cdef-.*)$', re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
# Up to the semicolon that is neither in a comment nor in braces.
DECLARATION = re.compile(
    r"(?:/\*.*?\*/|\{(?:/\*.*?\*/|[^}])*\}|[^;{])*;(?:[ \t]*/\*[^\n]*\*/)?", re.S
)
# Names in prose.
CODE = re.compile(r"\b(?:dred|DRED)_\w+|\bNULL\b")


def render(header: str) -> str:
    """Sections with an entry for every declaration."""
    opening = COMMENT.search(header)
    assert opening is not None, "a header opens with its licence and what it is"
    general, *sections = SECTION.split(NOISE.sub("", header[opening.end() :]))
    out = [opening_words(words(opening[0]).split("\n", 1)[-1])]
    out += ["\n## General\n"] if sections else []
    out += entries(general)
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        out.append(f"\n## {title[0].upper()}{title[1:]}\n")
        out += entries(text)
    return "\n".join(out)


def pieces(text: str) -> Iterator[str]:
    """Comments and declarations in their order; a comment behind a declaration, on its line or
    inside it, belongs to it."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = COMMENT.match(text, at) or DECLARATION.match(text, at)
        if found is None:
            raise ValueError(f"neither a comment nor a declaration: {text[at : at + 60]!r}")
        yield found[0]
        at = found.end()


def opening_words(text: str) -> str:
    """The header's opening words, its hyphens a list."""
    lines = (line if line.startswith("  ") else line.strip() for line in text.splitlines())
    text = re.sub(r"^ {2}- ", "- ", "\n".join(lines), flags=re.M)
    # The title says what comes before the dash.
    return re.sub(r"^\w+\.h - ", "", text.strip())


def entries(section: str) -> Iterator[str]:
    """Declarations under the name of what they declare, with the comment before them; neighbours
    without a comment, such as a type and its making and ending, share an entry."""
    comment = ""
    groups: list[tuple[list[str], str]] = []
    for piece in pieces(section):
        if piece.startswith("/*"):
            comment = words(piece)
            continue
        code = re.sub(r"^DRED_API (.*)$", aligned, piece, flags=re.S)
        code = re.sub(r" +\*/", " */", code)
        if groups and is_bare(code, comment) and is_bare(groups[-1][0][-1], groups[-1][1]):
            groups[-1][0].append(code)
        else:
            groups.append(([code], comment))
        comment = ""
    for declarations, said in groups:
        name = next(filter(None, map(name_of, declarations)), "")
        yield f"\n### {name}\n" if name else ""
        yield "```c\n" + "\n".join(declarations) + "\n```\n"
        if said:
            yield described(said) + "\n"


def is_bare(declaration: str, comment: str) -> bool:
    """Whether it is a line that nothing is said about."""
    return not comment and "\n" not in declaration


def aligned(declaration: re.Match[str]) -> str:
    """Without DRED_API, and its further lines as far to the left."""
    return declaration[1].replace("\n" + " " * len("DRED_API "), "\n")


def name_of(declaration: str) -> str:
    """Of a function or type; empty for an enumeration without a name."""
    function = re.search(r"(\w+)\(", declaration)
    if function and not declaration.startswith(("typedef", "enum")):
        return function[1]
    type_name = re.search(r"(\w+);", declaration) if declaration.startswith("typedef") else None
    return type_name[1] if type_name else ""


def words(comment: str) -> str:
    """A comment without its frame of stars."""
    lines = comment.removeprefix("/*").removesuffix("*/").splitlines()
    return "\n".join(re.sub(r"^\s*\* ?", "", line).rstrip() for line in lines).strip()


def described(comment: str) -> str:
    """Prose, then parameters and result as a list."""
    prose, *rest = re.split(r"\n?\s*@(?=param|return)", comment)
    prose = CODE.sub(r"`\g<0>`", prose)
    items = []
    for text in rest:
        kind, _, said = " ".join(text.split()).partition(" ")
        if kind == "return":
            items.append(f"- returns {said.rstrip(',')}")
        else:
            names, said = parameter_names(said)
            items.append(f"- {names}: {said.rstrip(',')}")
    return "\n".join([" ".join(prose.split()), "", *items]).strip()


def parameter_names(said: str) -> tuple[str, str]:
    """`a, b what they are` to its names and its words."""
    match = re.match(r"(\w+(?:, \w+)*) (.*)", said)
    if match is None:
        return f"`{said}`", ""
    return ", ".join(f"`{name}`" for name in match[1].split(", ")), match[2]
