# SPDX-License-Identifier: BSD-3-Clause
"""The library for Windows, made by a cross compiler: what it exports, and a program in Wine that
loads the models inside it."""

import os
import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow

TRIPLE = "x86_64-w64-mingw32"
PROGRAM = """
#include <dred_builtin.h>
#include <stdio.h>

int main(void) {
    dred_models *models = dred_models_builtin(NULL);
    printf("%s %d", dred_version(), dred_models_networks(models) == DRED_NET_ALL);
    dred_models_destroy(models);
    return 0;
}
"""


def run(*command, **options):
    """Output of a command that has to succeed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, **options
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def prefix(root, tmp_path_factory):
    for tool in ("make", f"{TRIPLE}-gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("installed")
    # Not the flags of a `make test` that may have started us.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    run(
        "make", "-s", "install", f"CC={TRIPLE}-gcc", "VARIANT=windows", "LIB=build/windows/lib",
        "OPTIMISE=-O0", f"PREFIX={folder}", cwd=root, env=environment,
    )  # fmt: skip
    (folder / "program.c").write_text(PROGRAM)
    return folder


def declared(prefix):
    text = "".join(path.read_text() for path in (prefix / "include").iterdir())
    return set(re.findall(r"DRED_API[^;(#]*?(dred_\w+)\(", text))


def test_only_the_interface_is_exported(prefix):
    text = run(f"{TRIPLE}-objdump", "-p", prefix / "bin" / "dred.dll")
    exported = set(re.findall(r"^\s*\[ *\d+\].*?(\w+)$", text, re.M))
    assert exported - {"RVA"} == declared(prefix)
    assert set(re.findall(r"DLL Name: (\w+)", text)) <= {"KERNEL32", "msvcrt"}
    names = run(f"{TRIPLE}-nm", "-g", "--defined-only", prefix / "lib" / "libdred.a")
    assert {line.split()[-1] for line in names.splitlines() if " " in line} == declared(prefix)


@pytest.mark.parametrize("library", ["-ldred", "-l:libdred.a"])
def test_a_program_loads_the_models(root, prefix, library):
    if shutil.which("wine") is None:
        pytest.skip("wine is not installed")
    program = prefix / "bin" / "program.exe"
    paths = [f"-I{prefix / 'include'}", f"-L{prefix / 'lib'}"]
    run(f"{TRIPLE}-gcc", prefix / "program.c", *paths, library, "-o", program)
    environment = dict(os.environ, WINEDEBUG="-all", WINEPREFIX=str(root / "build" / "wine"))
    version = re.search(r'"(.*)"', (root / "dred" / "_version.py").read_text().split("=")[1])[1]
    assert run("wine", program, env=environment) == f"{version} 1"
