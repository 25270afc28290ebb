# SPDX-License-Identifier: BSD-3-Clause
import pytest

from dred.digits import whole


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("127", 127), ("128", None), ("1" * 5000, None), ("0" * 5000, 0),
     ("", None), ("-1", None), ("+1", None), ("1_0", None), (" 1", None), ("١", None)],
)  # fmt: skip
def test_only_digits_up_to_the_largest(text, number):
    assert whole(text, 127) == number
