# SPDX-License-Identifier: BSD-3-Clause
"""MkDocs hook: puts references made from the sources where pages ask for them.

<!-- reference: cli -->                       the parser of the command line
<!-- reference: python dred/sender.py -->     docstrings of a module, or of the package
<!-- reference: c csrc/include/dred.h -->     comments and declarations of a header
"""

import re
from pathlib import Path
from typing import Any

import c_reference
import cli_reference
import python_reference

MARK = re.compile(r"^<!-- reference: (\w+) ?(\S*) -->$", re.M)
MAKERS = {
    "cli": lambda root, _: cli_reference.render(root),
    "python": python_reference.render,
    "c": lambda root, path: c_reference.render((root / path).read_text(encoding="utf-8")),
}


def on_page_markdown(markdown: str, *, config: Any, **_: Any) -> str:
    """A page with its marks replaced."""
    root = Path(config["config_file_path"]).parent
    return MARK.sub(lambda mark: MAKERS[mark[1]](root, mark[2]), markdown)
