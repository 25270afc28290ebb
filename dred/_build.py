# SPDX-License-Identifier: BSD-3-Clause
"""Build dred._core from csrc/ with cffi; knows nothing of what the functions do.

The declarations are the part of csrc/include/dred.h between the lines `cdef-begin` and
`cdef-end`: no declaration is written twice. Used by setup.py (`cffi_modules`); run directly,
`python dred/_build.py` compiles the core in place, as an editable installation needs it.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from cffi import FFI

ROOT = Path(__file__).resolve().parent.parent
HEADER = ROOT / "csrc" / "include" / "dred.h"
# C that is not part of the library.
EXCLUDED = {"tests", "examples"}
COMPILE_ARGS = ["-O3", "-std=c11", "-fvisibility=hidden"]


def declarations(header: str) -> str:
    """The C declarations between the cdef marks, as pycparser takes them: no comments, no
    export marks."""
    match = re.search(r"cdef-begin.*?\n(.*)\n[^\n]*cdef-end", header, re.DOTALL)
    if match is None:
        raise ValueError(f"{HEADER.name} has no cdef-begin and cdef-end lines")
    text = re.sub(r"/\*.*?\*/", " ", match[1], flags=re.DOTALL)
    return re.sub(r"\bDRED_API\b", "", text)


def version() -> str:
    """The version, read and not imported: the package cannot be imported before it is built."""
    text = (ROOT / "dred" / "_version.py").read_text(encoding="utf-8")
    match = re.search(r'__version__ = "([^"]+)"', text)
    assert match is not None
    return match[1]


def _files(suffix: str) -> list[str]:
    """Files of the library, relative to the current folder where setuptools wants them so."""
    found = [
        path
        for path in sorted((ROOT / "csrc").rglob("*" + suffix))
        if not EXCLUDED.intersection(path.relative_to(ROOT).parts)
    ]
    return [os.path.relpath(path) for path in found]


def builder() -> FFI:
    ffi = FFI()
    ffi.cdef(declarations(HEADER.read_text(encoding="utf-8")))
    ffi.set_source(
        "dred._core",
        '#include "dred.h"',
        sources=_files(".c"),
        depends=_files(".h"),
        include_dirs=[os.path.relpath(ROOT / "csrc"), os.path.relpath(ROOT / "csrc" / "include")],
        define_macros=[("DRED_BUILDING", None), ("DRED_VERSION", f'"{version()}"')],
        extra_compile_args=COMPILE_ARGS,
        libraries=["m"],
    )
    return ffi


def _is_current() -> bool:
    """Whether the compiled core is newer than all it is made from."""
    inputs = [__file__, str(ROOT / "dred" / "_version.py"), str(ROOT / "setup.py")]
    newest = max(os.path.getmtime(path) for path in inputs + _files(".c") + _files(".h"))
    return any(path.stat().st_mtime > newest for path in (ROOT / "dred").glob("_core*.so"))


def main() -> int:
    """Compile in place where needed, objects under build/."""
    if _is_current():
        return 0
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    return subprocess.call(command, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
else:
    ffi = builder()
