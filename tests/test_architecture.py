# SPDX-License-Identifier: BSD-3-Clause
"""The rules that keep the house standing: arrows point down, files stay small."""

import ast
import re
import subprocess

import pytest

MAX_LINES = 500
TEXT_SUFFIXES = {".py", ".c", ".h", ".md", ".toml", ".sh", ".txt", ".in", ".yml", ".yaml", ""}
# Each may include itself, base, the public header, and these.
C_LAYERS = {
    "base": set(),
    "nn": set(),
    "coder": set(),
    "dsp": set(),
    "packet": set(),
    "model": {"nn"},
    "codec": {"model", "nn", "coder", "dsp"},
    "api": {"codec", "model", "nn", "coder", "dsp", "packet"},
}
# Lowest first; a module imports nothing from a higher group, nor from a neighbour of its own.
PYTHON_GROUPS = (
    ("_version", "_core", "errors", "units", "digits"),
    ("pcm", "profile"),
    ("io", "_native", "_libopus"),
    ("models", "resample", "payload", "framing"),
    ("packet", "stages", "allocation", "libopus_rule"),
    ("opus", "rtp"),
    ("traces",),
    ("sender", "receiver", "controller"),
    ("peer",),
    ("simulate", "net"),
    ("evaluate", "train", "adapters"),
    ("cli",),
)
# These know no codec, whatever their group.
NO_CODEC = (
    "io",
    "traces",
    "receiver.jitter",
    "receiver.delay",
    "receiver.recovery",
    "packet.toc",
    "rtp.red",
)
CODEC = {"stages", "opus", "sender", "simulate", "models", "_core", "_native"}


@pytest.fixture(scope="module")
def files(root):
    """Files that belong to the project: what git knows or would take."""
    try:
        done = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=root, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    paths = [root / name for name in done.stdout.splitlines()]
    return [path for path in paths if path.is_file()]


def c_layer(root, path):
    parts = path.relative_to(root / "csrc").parts
    return parts[0] if len(parts) > 1 else re.split(r"[._]", parts[0])[0]


def test_includes_point_down(root, files):
    wrong = []
    for path in files:
        if path.suffix not in (".c", ".h") or not path.is_relative_to(root / "csrc"):
            continue
        layer = c_layer(root, path)
        if layer in ("tests", "include", "examples"):
            continue
        allowed = C_LAYERS[layer] | {layer, "base"}
        for included in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.M):
            # A header without a folder is the public one, or lies beside the file.
            target = included.split("/")[0] if "/" in included else re.split(r"[._]", included)[0]
            if target != "dred" and target not in allowed:
                wrong.append(f"{path.relative_to(root)} includes {included}")
    assert wrong == []


def walk(node):
    """All nodes below, without the bodies of `if TYPE_CHECKING:`, which make no arrow."""
    yield node
    is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
    for child in node.orelse if is_for_types else ast.iter_child_nodes(node):
        yield from walk(child)


def imports(path):
    """Modules of this package that a file imports, lazily or not, without the package's name."""
    for node in walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (name[len("dred.") :] for name in names if name.startswith("dred."))


def test_imports_point_down(root, files):
    rank = {name: index for index, names in enumerate(PYTHON_GROUPS) for name in names}
    wrong, unknown = set(), set()
    for path in files:
        if path.suffix != ".py" or not path.is_relative_to(root / "dred"):
            continue
        parts = path.relative_to(root / "dred").with_suffix("").parts
        room, module = parts[0], ".".join(parts)
        if room in ("__init__", "__main__", "_build"):
            continue
        if room not in rank:
            unknown.add(room)
            continue
        for target in {name.split(".")[0] for name in imports(path)} & (rank.keys() - {room}):
            is_up = rank[target] >= rank[room]
            if is_up or (module.startswith(NO_CODEC) and target in CODEC):
                wrong.add(f"dred/{module} imports dred.{target}")
    assert unknown == set(), "give these rooms a place in PYTHON_GROUPS"
    assert wrong == set()


def test_files_are_short(root, files):
    long = {
        str(path.relative_to(root)): count
        for path in files
        if path.suffix in (".py", ".c", ".h", ".sh")
        and (count := path.read_bytes().count(b"\n")) > MAX_LINES
    }
    assert long == {}


def test_sources_open_with_their_licence(root, files):
    without = [
        str(path.relative_to(root))
        for path in files
        if path.suffix in (".py", ".c", ".h")
        and "SPDX-License-Identifier: BSD-3-Clause" not in path.read_text()[:200]
    ]
    assert without == []


def test_no_machine_is_named(root, files):
    # Absolute paths of somebody's machine, and hosts that only one network has.
    pattern = re.compile(r"(?<![\w.}$])/(home|root|work|Users|tmp|opt|mnt)/\w|\bfile:///")
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in files
        if path.suffix in TEXT_SUFFIXES and path.name != "test_architecture.py"
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []
