"""Rows collapsed to what carries over say what all rows say, whichever terms take part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.encoder import encode
from features.scenario import Scenario
from models.carried import LARGEST, Carried, largest_weights
from models.conditioning import resource_codes
from models.gaussian import cross_terms, row_terms
from models.kernel import Amplitudes, Points, combine, kernel, kernel_terms, self_variance
from models.rows import make_rows
from models.solving import solve
from tests.models.conftest import Row, law_rows

ALL = Amplitudes()
NAMES = replace(ALL, mechanisms=0.0, points=0.0, parts=0.0)
CASES = {
    "all terms": ALL,
    "names alone": NAMES,
    "names and mechanisms": replace(NAMES, mechanisms=0.1),
    "names and parts": replace(NAMES, parts=0.05),
}
ASKED = [
    Scenario(runtime, leaf, cores=cores)
    for runtime in ("native", "vm", "gvisor", "wasm")
    for leaf in ("web.static", "database.kv", "web")
    for cores in (2, 16)
]


def rows_with_differences():
    plain, codes = law_rows(sources=6)
    base = replace(plain[0].scenario, runtime="container")
    rows = [*plain, Row(plain[0].scenario, 0.8, baseline=base), Row(plain[5].scenario, 0.7, base)]
    codes = [*codes, 1, 2]
    return make_rows(rows, codes, codes)


@pytest.mark.parametrize("amplitudes", CASES.values(), ids=CASES)
def test_what_is_said_of_a_point_is_what_all_rows_say(amplitudes):
    rows = rows_with_differences()
    assert len(rows.baseline)
    solution = solve(row_terms(rows, amplitudes), amplitudes, rows.noise, rows.residual)
    carried = Carried(rows, amplitudes, solution.precision, solution.alpha)
    encoding, _ = encode(ASKED)
    points = Points(encoding, np.full(len(ASKED), 99), resource_codes(ASKED))
    _, between = combine(cross_terms(points, rows, amplitudes), amplitudes)
    general, _ = self_variance(encoding, amplitudes)
    left = general - np.einsum("ij,ij->i", between @ solution.precision, between)
    # Once worked out, once kept.
    for _ in range(2):
        said = carried.said(points)
        np.testing.assert_allclose([s.mean for s in said], between @ solution.alpha, atol=1e-10)
        np.testing.assert_allclose([s.left for s in said], left, atol=1e-10)
        weights = np.stack([s.weights for s in said])
        np.testing.assert_allclose(weights, between @ solution.precision, atol=1e-9)
        assert all(0.0 <= s.share <= 1.0 for s in said)


def test_names_alone_are_said_once_for_all_hosts():
    rows = rows_with_differences()
    encoding, _ = encode(ASKED[2:4])
    points = Points(encoding, np.full(2, 99), resource_codes(ASKED[2:4]))
    for amplitudes, alike in ((NAMES, True), (ALL, False)):
        solution = solve(row_terms(rows, amplitudes), amplitudes, rows.noise, rows.residual)
        first, second = Carried(rows, amplitudes, solution.precision, solution.alpha).said(points)
        assert (first is second) is (alike or np.array_equal(*encoding))


@pytest.mark.parametrize("amplitudes", CASES.values(), ids=CASES)
def test_the_kernel_is_its_terms_combined(amplitudes):
    points = rows_with_differences().points
    general, whole = combine(kernel_terms(points, points, amplitudes), amplitudes)
    np.testing.assert_allclose(kernel(points, points, amplitudes), whole, atol=1e-14)
    np.testing.assert_allclose(
        kernel(points, points, amplitudes, within=False), general, atol=1e-14
    )


def test_the_largest_weights_come_first_and_equal_ones_in_order():
    weights = np.zeros(60)
    weights[[7, 3, 50]] = (0.5, -0.5 * (1 + 1e-13), 2.0)
    weights[10:40] = 0.01
    found = largest_weights(weights)
    assert len(found) == LARGEST
    assert [row for row, _ in found[:4]] == [50, 3, 7, 10]
    assert [row for row, _ in found[3:]] == list(range(10, 10 + LARGEST - 3))
    assert found[0][1] == pytest.approx(2.0 / 3.3)
    assert largest_weights(np.zeros(5)) == []
