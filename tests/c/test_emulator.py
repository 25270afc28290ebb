# SPDX-License-Identifier: BSD-3-Clause
"""The emulated processors on which `make ctest-vnni` runs the tests: what they are, and that they
give back output and exit code. The tests themselves take minutes there."""

import shutil
import subprocess
import sys

import pytest

PROGRAM = """
#include "base/cpu.h"
#include <immintrin.h>
#include <stdio.h>

#ifdef AVX
#define DOT _mm256_dpbusd_avx_epi32
__attribute__((target("avxvnni")))
#else
#define DOT _mm256_dpbusd_epi32
__attribute__((target("avx512vl,avx512vnni")))
#endif
static int dot(const int *x, const int *w) {
    __m256i a = _mm256_loadu_si256((const void *)x), b = _mm256_loadu_si256((const void *)w);
    int sums[8];
    _mm256_storeu_si256((void *)sums, DOT(_mm256_set1_epi32(1000), a, b));
    return sums[7];
}

int main(int argc, char **argv) {
    int x[8] = {0}, w[8] = {0};
    x[7] = 0x010203ff; /* 255, 3, 2, 1, times -1, 1, 1, 2 */
    w[7] = 0x020101ff;
    printf("%s %d %s\\n", cpu_level_name(cpu_best_level()), dot(x, w), argv[argc - 1]);
    return 7;
}
"""


@pytest.fixture(scope="module")
def emulator(root):
    command = [sys.executable, str(root / "tools" / "emulate_vnni.py")]
    missing = subprocess.run(command, capture_output=True, text=True)
    if missing.returncode:
        pytest.skip(missing.stderr.strip())
    return command


@pytest.mark.parametrize("level", ["avx512vnni", "avxvnni"])
def test_the_emulated_processor_has_the_dot_product(emulator, root, tmp_path, level):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "program.c").write_text(PROGRAM)
    program = tmp_path / "program"
    built = subprocess.run(
        [
            compiler, "-std=c11", "-static", f"-I{root / 'csrc'}",
            *(["-DAVX"] if level == "avxvnni" else []),
            str(tmp_path / "program.c"), str(root / "csrc" / "base" / "cpu.c"), "-o", str(program),
        ],
        capture_output=True, text=True,
    )  # fmt: skip
    if built.returncode:
        pytest.skip(f"no static programs for this processor: {built.stderr.splitlines()[-1]}")
    done = subprocess.run([*emulator, level, str(program), "last"], capture_output=True, text=True)
    assert done.stdout == f"{level} 752 last\n", done.stderr
    assert done.returncode == 7
