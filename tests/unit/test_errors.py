# SPDX-License-Identifier: BSD-3-Clause
import pytest

from dred import errors, units

ALL = [errors.ModelError, errors.PacketError, errors.AudioError, errors.TraceError,
       errors.UnavailableError]  # fmt: skip


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
    assert sorted(codes) == list(range(-8, 0))
    texts = {core.ffi.string(core.lib.dred_strerror(code)) for code in [0, *codes, -99]}
    assert len(texts) == len(codes) + 2
    assert errors.ModelError.code == core.lib.DRED_ERR_MODEL
    assert errors.PacketError.code == core.lib.DRED_ERR_PACKET


def test_units():
    assert units.ms_to_samples(20, 48000) == 960
    assert units.ms_to_samples(2.5, 44100 * 4) == 441
    assert units.samples_to_ms(80, 16000) == 5
    assert units.ms_to_units(20) == 8
    assert units.units_to_ms(-3) == -7.5
    assert units.units_to_samples(10, 16000) == 400
    assert units.samples_to_units(480, 48000) == 4


@pytest.mark.parametrize(
    ("convert", "values"),
    [
        (units.ms_to_samples, (2.5, 44100)),
        (units.ms_to_units, (3,)),
        (units.samples_to_units, (41, 16000)),
        (units.units_to_samples, (1, 11025)),
    ],
)
def test_inexact_units_are_refused(convert, values):
    with pytest.raises(ValueError, match="whole number"):
        convert(*values)
