#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run a static x86-64 Linux program on an emulated processor with a dot product of bytes, for
computers that have none: with that of AVX-512 VNNI (Ice Lake) or of AVX-VNNI (Arrow Lake). The
processor is Bochs's, and what few system calls a program that only computes and prints needs are
answered here. Knows nothing of the program.

    tools/emulate_vnni.py {avx512vnni,avxvnni} PROGRAM [ARGUMENT ...]

Some hundred times slower than a real one. Exit code: that of the program; 1 after an exception of
the processor. Without a program: 0 where the emulator is installed, else 1 and what to install.
"""

import ctypes
import mmap
import os
import struct
import sys
from pathlib import Path

# The emulator is linked against a newer C library than some systems have, for functions that are
# not called here: its symbols are to be looked up when they are needed.
sys.setdlopenflags(os.RTLD_LAZY)
try:
    import bochscpu
    import bochscpu._bochscpu
    import bochscpu.memory
except ImportError as reason:
    print(f"no emulator of VNNI ({reason}); pip install bochscpu-python", file=sys.stderr)
    sys.exit(1)

PAGE = 4096
MEMORY = 256 << 20
# Physical addresses, which are virtual ones as well: a page table of 2 MB pages, one instruction,
# and from HEAP on what the program asks for. Static programs lie at 4 MB.
PML4, PDPT, DIRECTORY, TRAP, RANDOM = 0x1000, 0x2000, 0x3000, 0x4000, 0x5000
HEAP, STACK, MAPPED = 16 << 20, 96 << 20, 128 << 20
HLT = b"\xf4"
# Control registers: protected mode, FPU, paging; long mode with SYSCALL.
CR0, CR4, EFER = 0x80000033, 0x40620, 0xD01
CODE, DATA = (0x08, 0xA09B), (0x10, 0xC093)  # selector, attributes
# The model that the emulator chooses has AVX-512 but no VNNI; these have, each with the register
# XCR0: the state of AVX-512, or of AVX only.
MODEL = "_Z23create_corei3_cnl_cpuidP8BX_CPU_C"
WANTED_MODELS = {
    "avx512vnni": ("_Z29create_corei7_icelake_u_cpuidP8BX_CPU_C", 0xE7),
    "avxvnni": ("_Z23create_arrow_lake_cpuidP8BX_CPU_C", 0x7),
}
READ_WRITE_EXECUTE = 7

NO_SUCH_CALL = -38
WRITE, MMAP, BRK, WRITEV, EXIT, ARCH_PRCTL, EXIT_GROUP, FSTATAT, GETRANDOM = (
    1, 9, 12, 20, 60, 158, 231, 262, 318,
)  # fmt: skip
# mprotect, munmap, ioctl (output is a terminal, so that lines come at once), set_tid_address,
# set_robust_list
HARMLESS = {10, 11, 16, 218, 273}
ARCH_SET_FS = 0x1002
CHARACTER_DEVICE = 0o020620

memory = mmap.mmap(-1, MEMORY)


def put(address: int, *words: int) -> None:
    """Write 64-bit words."""
    memory[address : address + 8 * len(words)] = struct.pack(f"<{len(words)}Q", *words)


def choose_model(wanted: str) -> None:
    """Let the maker of one processor model jump to that of another."""
    library = ctypes.CDLL(bochscpu._bochscpu.__file__)
    if not hasattr(library, MODEL) or not hasattr(library, wanted):
        return  # another version: its own model may do, which the program has to say
    here, there = (
        ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for name in (MODEL, wanted)
    )
    jump = b"\x48\xb8" + struct.pack("<Q", there) + b"\xff\xe0"  # movabs rax; jmp rax
    first = here // PAGE * PAGE
    if ctypes.CDLL(None).mprotect(ctypes.c_void_p(first), 2 * PAGE, READ_WRITE_EXECUTE):
        raise OSError("the emulator's code cannot be changed")
    ctypes.memmove(here, jump, len(jump))


def load(program: Path) -> tuple[int, list[int]]:
    """Entry point, and the auxiliary vector that tells the program of itself."""
    image = program.read_bytes()
    entry, table = struct.unpack_from("<QQ", image, 24)
    size, count = struct.unpack_from("<HH", image, 54)
    segments = [struct.unpack_from("<IIQQQQ", image, table + i * size) for i in range(count)]
    loaded = [(offset, at, length) for kind, _, offset, at, _, length in segments if kind == 1]
    for offset, at, length in loaded:
        memory[at : at + length] = image[offset : offset + length]
    headers = loaded[0][1] - loaded[0][0] + table
    return entry, [3, headers, 4, size, 5, count, 6, PAGE, 9, entry, 23, 0, 25, RANDOM, 0, 0]


def segment(selector: int, attributes: int) -> bochscpu.Segment:
    result = bochscpu.Segment()
    result.present, result.selector, result.attr = True, selector, attributes
    result.base, result.limit = 0, 0xFFFFFFFF
    return result


def first_state(program: Path, arguments: list[str], xcr0: int) -> bochscpu.State:
    """Registers and memory as a program finds them at its start; all is in ring 0."""
    put(PML4, PDPT | 7)
    put(PDPT, DIRECTORY | 7)
    put(DIRECTORY, *(i << 21 | 0x87 for i in range(MEMORY >> 21)))
    memory[TRAP : TRAP + 1] = HLT  # where system calls go
    put(RANDOM, 1, 2)
    entry, auxiliary = load(program)
    pointers, at = [], STACK
    for text in arguments:
        pointers.append(at)
        memory[at : at + len(text) + 1] = text.encode() + b"\0"
        at += len(text) + 1
    stack = STACK - PAGE
    put(stack, len(pointers), *pointers, 0, 0, *auxiliary)
    state = bochscpu.State()
    state.cr0, state.cr3, state.cr4, state.efer, state.xcr0 = CR0, PML4, CR4, EFER, xcr0
    state.mxcsr, state.mxcsr_mask, state.fpcw, state.fptw = 0x1F80, 0xFFFF, 0x37F, 0xFFFF
    state.rflags, state.rip, state.rsp = 2, entry, stack
    state.cs = segment(*CODE)
    for name in ("ss", "ds", "es", "fs", "gs"):
        setattr(state, name, segment(*DATA))
    state.star, state.lstar, state.sfmask = CODE[0] << 32, TRAP, 0
    return state


class Calls:
    """The system calls of one program."""

    def __init__(self) -> None:
        self._heap, self._mapped = HEAP, MAPPED

    def answer(self, state: bochscpu.State) -> int:
        """What a call returns; SystemExit where the program ends with it."""
        call, first, second, third = state.rax, state.rdi, state.rsi, state.rdx
        if call in (EXIT, EXIT_GROUP):
            raise SystemExit(first)
        if call == WRITE:
            return os.write(first, memory[second : second + third])
        if call == WRITEV:
            parts = struct.unpack_from(f"<{2 * third}Q", memory, second)
            pairs = zip(parts[::2], parts[1::2], strict=True)
            return sum(os.write(first, memory[at : at + size]) for at, size in pairs)
        if call == BRK:
            self._heap = first or self._heap
            return self._heap
        if call == MMAP:  # never used twice, so that it is zero
            at, self._mapped = self._mapped, self._mapped + -(-second // PAGE) * PAGE
            return at if self._mapped <= MEMORY else NO_SUCH_CALL
        if call == ARCH_PRCTL and first == ARCH_SET_FS:
            fs = state.fs
            fs.base = second
            state.fs = fs
            return 0
        if call == FSTATAT:
            memory[third : third + 144] = bytes(144)
            memory[third + 24 : third + 28] = struct.pack("<I", CHARACTER_DEVICE)
            return 0
        if call == GETRANDOM:
            return second
        return 0 if call in HARMLESS else NO_SUCH_CALL


def run(level: str, program: Path, arguments: list[str]) -> None:
    """Until the program ends, which is a SystemExit."""
    model, xcr0 = WANTED_MODELS[level]
    choose_model(model)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))

    def give_page(address: int) -> None:
        page = address // PAGE * PAGE
        bochscpu.memory.page_insert(page, base + page)

    def fail(session: bochscpu.Session, _: int, vector: int, code: int) -> None:
        at = session.cpu.state.rip
        print(f"exception {vector} ({code:#x}) at {at:#x}", file=sys.stderr, flush=True)
        os._exit(1)

    session, hook, calls = bochscpu.Session(), bochscpu.Hook(), Calls()
    session.missing_page_handler = give_page
    hook.hlt = lambda session, _: session.stop()
    hook.exception = fail
    session.cpu.state = first_state(program, [str(program), *arguments], xcr0)
    while True:
        session.run([hook])
        state = session.cpu.state
        state.rax = calls.answer(state) & (1 << 64) - 1
        state.rip, state.rflags = state.rcx, state.r11  # as SYSRET would
        session.cpu.state = state


if __name__ == "__main__":
    if len(sys.argv) > 1 and (len(sys.argv) == 2 or sys.argv[1] not in WANTED_MODELS):
        sys.exit(f"usage: {sys.argv[0]} {{{','.join(WANTED_MODELS)}}} PROGRAM [ARGUMENT ...]")
    if len(sys.argv) > 1:
        run(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
