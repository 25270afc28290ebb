# SPDX-License-Identifier: BSD-3-Clause
"""The installed C library: what it exports, and the example of a call, built outside the source
tree against it and the system's libopus."""

import os
import re
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.slow

FRAME = 320
WARNINGS = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Werror"]


def run(*command, **options):
    """Output of a command that has to succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, **options)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:].decode(errors="replace")
    return done.stdout, done.stderr.decode()


@pytest.fixture(scope="module")
def prefix(root, tmp_path_factory):
    for tool in ("make", "cc", "ld", "objcopy"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("installed")
    # Not the flags of a `make test` that may have started us.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    run("make", "-s", "install", f"PREFIX={folder}", cwd=root, env=environment)
    return folder


@pytest.fixture(scope="module")
def flags(prefix):
    """A function: what pkg-config says, with options."""
    if shutil.which("pkg-config") is None:
        pytest.skip("pkg-config is not installed")
    if subprocess.run(["pkg-config", "--exists", "opus"]).returncode != 0:
        pytest.skip("the headers of libopus are not installed (libopus-dev)")
    environment = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    return lambda *options: run("pkg-config", *options, env=environment)[0].decode().split()


@pytest.fixture(scope="module")
def speech(samples):
    pcm, rate = soundfile.read(samples / "slt_16k.wav", dtype="int16", frames=6 * 16000)
    assert rate == 16000
    return pcm


@pytest.fixture(scope="module")
def call(root, prefix, flags, tmp_path_factory):
    """The example, linked to the shared library, and the environment that finds it."""
    folder = tmp_path_factory.mktemp("program")
    shutil.copy(root / "csrc" / "examples" / "call.c", folder)
    libraries = flags("--cflags", "--libs", "dred", "opus")
    run("cc", *WARNINGS, "call.c", *libraries, "-lm", "-o", "call", cwd=folder)
    return folder / "call", dict(os.environ, LD_LIBRARY_PATH=str(prefix / "lib"))


def symbols(*command):
    return {line.split()[-1] for line in run(*command)[0].decode().splitlines() if " " in line}


def test_only_the_interface_is_exported(prefix):
    if shutil.which("nm") is None:
        pytest.skip("nm is not installed")
    header = (prefix / "include" / "dred.h").read_text()
    header += (prefix / "include" / "dred_builtin.h").read_text()
    declared = set(re.findall(r"DRED_API[^;(]*?(dred_\w+)\(", header))
    assert "dred_models_builtin" in declared
    assert symbols("nm", "-D", "--defined-only", prefix / "lib" / "libdred.so") == declared
    assert symbols("nm", "-g", "--defined-only", prefix / "lib" / "libdred.a") == declared


def test_shared_library_is_well_formed(prefix):
    if shutil.which("readelf") is None:
        pytest.skip("readelf is not installed")
    text = run("readelf", "-dlW", prefix / "lib" / "libdred.so")[0].decode()
    assert re.search(r"SONAME.*\[libdred\.so\.\d+\]", text)
    assert re.search(r"GNU_STACK.* RW +0x", text), "the stack must not be executable"
    assert set(re.findall(r"NEEDED.*\[(.*?)\.so", text)) <= {"libm", "libc", "ld-linux-x86-64"}
    assert "TEXTREL" not in text


def heard(call, pcm, *before):
    program, environment = call
    out, report = run(*before, program, input=pcm.tobytes(), env=environment)
    return np.frombuffer(out, np.int16).astype(float), report


def test_call_survives_bursts(call, speech):
    out, report = heard(call, speech)
    packets, lost, described, steps = map(int, re.findall(r"\d+", report))
    assert packets == len(speech) // FRAME
    assert len(out) == len(speech)
    assert lost == 15 * 6
    assert 2 * lost < steps <= 2 * lost + 15 * 2  # of each burst the run-on and a step ahead
    assert described > 0.5 * steps

    # Level of each 20 ms against the input: what was lost is spoken at about the right level.
    frames = np.arange(packets)
    lookahead = 104  # of libopus at 16 kHz: 6.5 ms
    level = np.sqrt(np.mean(np.roll(out, -lookahead).reshape(-1, FRAME) ** 2, axis=1) + 1)
    target = np.sqrt(np.mean(speech.astype(float).reshape(-1, FRAME) ** 2, axis=1) + 1)
    in_burst = (frames % 50 >= 37) & (frames % 50 < 48) & (target > 500)
    assert in_burst.sum() > 10
    ratio = 20 * np.log10(level[in_burst] / target[in_burst])
    assert abs(np.median(ratio)) < 6


def test_call_needs_no_python(call):
    if shutil.which("ldd") is None:
        pytest.skip("ldd is not installed")
    program, environment = call
    libraries = run("ldd", program, env=environment)[0].decode()
    assert "libdred.so" in libraries
    assert "python" not in libraries
    assert "not found" not in libraries


def test_static_library_gives_the_same(call, speech, prefix, flags):
    program, environment = call
    static = program.with_name("call-static")
    run(
        "cc", *WARNINGS, program.with_suffix(".c"), *flags("--cflags", "dred", "opus"),
        prefix / "lib" / "libdred.a", *flags("--libs", "opus"), "-lm", "-o", static,
    )  # fmt: skip
    pcm = speech[: 50 * FRAME]
    assert (heard((static, environment), pcm)[0] == heard(call, pcm)[0]).all()


def test_call_under_valgrind(call, speech):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    checks = ["--leak-check=full", "--show-leak-kinds=all", "--error-exitcode=9", "-q"]
    heard(call, speech[: 60 * FRAME], "valgrind", *checks)


def test_builds_without_models(root, tmp_path):
    """A checkout whose networks are still to be trained: the library works, and says so."""
    for name in ("csrc", "tools", "Makefile"):
        source = root / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "dred" / "models").mkdir(parents=True)
    shutil.copy(root / "dred" / "_version.py", tmp_path / "dred")
    (tmp_path / "none.c").write_text(
        "#include <dred_builtin.h>\n"
        "int main(void) { int e = 0; return dred_models_builtin(&e) || e != DRED_ERR_MISSING; }\n"
    )
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    run("make", "-s", "lib", "OPTIMISE=-O0", cwd=tmp_path, env=environment)
    run("cc", "none.c", "-Icsrc/include", "build/lib/libdred.a", "-lm", "-o", "n", cwd=tmp_path)
    run(tmp_path / "n")
