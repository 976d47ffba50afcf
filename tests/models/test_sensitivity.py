"""Constants learned from rows: inside their ranges, nested, and right where the law is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.constants import adjustable, constants, limits, moved, quantities
from features.scenario import Scenario
from models.sensitivity import Adaptation, RowPrior

ENTRY = ("code_slowdown", "interpreter")


@given(st.sampled_from(adjustable()), st.floats(-3, 3))
def test_a_moved_constant_stays_in_its_range(entry, position):
    constant = quantities()[entry[0]].entries[entry[1]]
    place = list(quantities()[entry[0]].entries).index(entry[1])
    found = moved({entry: position})[entry[0]][place]
    slack = 1e-12 * (constant.high - constant.low)
    assert constant.low - slack <= found <= constant.high + slack


def test_positions_are_ends_and_middle():
    constant = quantities()[ENTRY[0]].entries[ENTRY[1]]
    place = list(quantities()[ENTRY[0]].entries).index(ENTRY[1])
    ends = [moved({ENTRY: t})[ENTRY[0]][place] for t in (-1, 0, 1)]
    assert ends == pytest.approx([constant.low, constant.value, constant.high])
    assert limits(ENTRY) == (-1.0, 1.0)
    still = moved({ENTRY: 0.0})
    assert all(np.array_equal(still[q], constants()[q]) for q in quantities())


def interpreted(position, sources=6, noise=0.02, seed=0):
    """Rows of interpreters whose true slow-down stands at a position of its range."""
    rng = np.random.default_rng(seed)
    options = {"code_generation": "interpreter"}
    scenarios = [
        Scenario("wasm", "cpu.int", cores=float(c), mechanisms=options) for c in (1, 2, 4)
    ] * sources
    prior = RowPrior.of(scenarios, [None] * len(scenarios))
    truth = prior.log_prior(moved({ENTRY: position}))
    return prior, truth + rng.normal(0, noise, len(truth)), np.repeat(np.arange(sources), 3)


def learned(prior, observed, spread=0.6):
    covariance = 0.05**2 * np.eye(len(observed))
    return Adaptation.learn(prior, spread, covariance, observed - prior.log_prior())


def test_a_known_constant_is_found():
    prior, observed, _ = interpreted(0.5)
    found = learned(prior, observed)
    positions = found.named(found.positions())
    # The slope is the mean of both sides, which are unequal here.
    assert positions[ENTRY] == pytest.approx(0.5, abs=0.2)
    kept = prior.log_prior(found.constants(found.positions()))
    assert np.abs(observed - kept).mean() < 0.5 * np.abs(observed - prior.log_prior()).mean()


def test_without_data_nothing_moves():
    prior, _, _ = interpreted(0.0)
    found = learned(prior, prior.log_prior())
    assert np.abs(found.positions()).max() < 1e-9


def test_leaving_rows_out_is_learning_without_them():
    prior, observed, source = interpreted(-0.4, noise=0.2)
    for held in (source == 0, source <= 1):
        left = np.flatnonzero(held)
        rest = np.flatnonzero(~held)
        inside = learned(prior, observed).positions(left)
        alone = learned(prior.take(rest), observed[rest])
        expected = alone.named(alone.positions())
        for entry, value in learned(prior, observed).named(inside).items():
            assert value == pytest.approx(expected.get(entry, 0.0), abs=1e-9)


def test_what_a_source_says_does_not_reach_its_own_prior():
    prior, observed, source = interpreted(0.3)
    members = {g: np.flatnonzero(source == g) for g in range(6)}
    lied = observed.copy()
    lied[members[2]] += 3.0
    honest = learned(prior, observed).leave_out(members)
    other = learned(prior, lied).leave_out(members)
    np.testing.assert_allclose(honest.single[2], other.single[2], rtol=1e-12)
    assert np.abs(honest.single[1] - other.single[1]).max() > 1e-3
    np.testing.assert_allclose(honest.pair(2, 1), other.pair(2, 1), rtol=1e-9)


def test_a_difference_moves_by_the_difference():
    asked = Scenario("gvisor", "web.static", cores=8.0)
    base = Scenario("container", "web.static", cores=8.0)
    prior = RowPrior.of([asked, asked], [base, None])
    whole = prior.log_prior()
    alone = RowPrior.of([base], [None]).log_prior()
    assert whole[0] == pytest.approx(whole[1] - alone[0])
    entries, slopes = prior.slopes
    assert slopes.shape == (2, len(entries))
    assert prior.take(np.array([0])).log_prior() == pytest.approx(whole[:1])


def test_some_rows_of_a_prior_move_as_they_would_alone():
    under = {"vm": Scenario("container", "cpu.int"), "container": None, "gvisor": None}
    scenarios = [Scenario(name, "web.static", cores=4.0) for name in under]
    whole = RowPrior.of(scenarios, list(under.values()))
    entries, slopes = whole.slopes
    index = np.array([0, 2])
    alone = RowPrior.of([scenarios[i] for i in index], [under["vm"], None])
    kept = whole.take(index)
    np.testing.assert_array_equal(kept.slopes[1], slopes[index])
    places = [entries.index(e) for e in alone.slopes[0]]
    np.testing.assert_allclose(kept.slopes[1][:, places], alone.slopes[1], atol=1e-12)
