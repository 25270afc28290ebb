# SPDX-License-Identifier: BSD-3-Clause
import math

import numpy as np
import pytest

from dred.evaluate.statistics import bootstrap_mean


def test_the_interval_of_many_normal_values_is_the_known_one():
    values = np.random.default_rng(2).normal(3, 1, 400)
    found = bootstrap_mean(values)
    error = values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.02)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.02)
    assert (found.count, found.clusters) == (400, 400)
    assert bootstrap_mean(values) == found


def test_intervals_cover_what_they_promise():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(300):
        found = bootstrap_mean(rng.normal(0, 1, 30), resamples=500)
        hits += found.low <= 0 <= found.high
    assert 0.90 <= hits / 300 <= 0.98


def test_scores_of_one_file_are_no_independent_evidence():
    rng = np.random.default_rng(4)
    files = np.repeat(np.arange(20), 10)
    values = rng.normal(0, 1, 20)[files] + rng.normal(0, 0.1, 200)
    together, apart = bootstrap_mean(values, files.tolist()), bootstrap_mean(values)
    assert together.mean == apart.mean
    assert together.high - together.low > 2 * (apart.high - apart.low)
    assert together.clusters == 20


def test_nothing_and_one():
    nothing = bootstrap_mean([math.nan, math.inf])
    assert math.isnan(nothing.mean)
    assert nothing.count == 0
    one = bootstrap_mean([1.0, 2.0, math.nan], ["a", "a", "b"])
    assert (one.mean, one.count, one.clusters) == (1.5, 2, 1)
    assert math.isnan(one.low)
    assert math.isnan(one.high)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="2 values but 1 clusters"):
        bootstrap_mean([1, 2], ["a"])
    with pytest.raises(ValueError, match="confidence"):
        bootstrap_mean([1, 2], confidence=95)
