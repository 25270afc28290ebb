# SPDX-License-Identifier: BSD-3-Clause
"""Every stage against the reference's vectors, with its weights; tools/conformance.py prints the
same comparisons as a table, at every kernel set."""

import pytest
import vectors

from dred import load_models
from dred.models import kernel_sets

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not vectors.modules(), reason="no reference vectors (DRED_SHARED)"),
]


def within_limits(figures):
    for figure in figures:
        print(f"{figure.quantity:46} {figure.value:10.4g}  limit {figure.limit:.4g}")
    assert [figure for figure in figures if not figure.ok] == []


@pytest.fixture(scope="module")
def models(reference_weights):
    return load_models(reference_weights)


@pytest.mark.parametrize("stage", vectors.STAGES)
def test_stages(stage, models):
    within_limits(vectors.STAGES[stage](vectors.modules(), models))


# The portable kernels are the slowest: half a minute for all.
@pytest.mark.parametrize("cpu", kernel_sets() if vectors.modules() else [])
@pytest.mark.parametrize("stage", vectors.STAGES)
def test_kernels(stage, cpu, reference_weights):
    within_limits(vectors.STAGES[stage](vectors.modules()[:1], load_models(reference_weights, cpu)))


def test_payloads():
    within_limits(vectors.check_payloads(vectors.modules()))


def test_packets():
    within_limits(vectors.check_packets(vectors.streams()))


def test_features_of_packets(models):
    within_limits(vectors.check_stream_features(vectors.streams(), models))
