# SPDX-License-Identifier: BSD-3-Clause
import pytest

from dred import errors, units

ALL = [errors.ModelError, errors.PacketError, errors.AudioError, errors.TraceError,
       errors.LossModelError, errors.UnavailableError]  # fmt: skip


@pytest.mark.parametrize("kind", ALL)
def test_each_is_a_dred_error_and_a_builtin_one(kind):
    error = kind("what, where, the mend")
    assert isinstance(error, errors.DredError)
    assert isinstance(error, (ValueError, OSError, ImportError))
    assert str(error) == "what, where, the mend"
    assert error.code == kind.code < 0
    assert kind("text", -42).code == -42


def test_codes_differ():
    codes = [kind.code for kind in [errors.DredError, *ALL]]
    assert len(set(codes)) == len(codes)


def test_every_code_of_the_core_has_a_text():
    core = pytest.importorskip("dred._core")
    codes = [getattr(core.lib, name) for name in dir(core.lib) if name.startswith("DRED_ERR_")]
    assert sorted(codes) == [-8, -7, -5, -4, -3, -2, -1]
    texts = {core.ffi.string(core.lib.dred_strerror(code)) for code in [0, *codes, -99]}
    assert len(texts) == len(codes) + 2
    assert errors.ModelError.code == core.lib.DRED_ERR_MODEL
    assert errors.PacketError.code == core.lib.DRED_ERR_PACKET


def test_units():
    assert units.units_to_ms(-3) == -7.5
