"""The bootstrap draws whole sources, pairs the models, and knows how sure a mean is."""

from __future__ import annotations

import numpy as np
import pytest

from training.bootstrap import Draws, error_intervals, ratio, ratios, span


def names(sizes):
    return [f"s{i:03d}" for i, size in enumerate(sizes) for _ in range(size)]


def test_each_source_once_gives_the_figures_themselves():
    groups = names([3, 1, 2])
    size = np.array([1.0, 2.0, 3.0, 6.0, 1.0, 3.0])
    once = Draws.of(groups).once()
    assert once.by_source(size) == pytest.approx([(2 + 6 + 2) / 3])
    assert once.by_row(size) == pytest.approx([16 / 6])


def test_sources_are_drawn_whole_and_the_same_each_time():
    groups = names([40, 40])
    size = np.repeat([0.0, 1.0], 40)
    draws = Draws.of(groups)
    # Two sources: none, one or both draws are the second. Rows on their own would give more.
    assert set(draws.by_row(size)) == {0.0, 0.5, 1.0}
    assert np.array_equal(draws.counts, Draws.of(groups).counts)
    assert not np.array_equal(draws.counts, Draws.of(groups, seed=1).counts)
    assert len(draws.counts) == 2000


def test_the_interval_of_a_mean_is_that_of_theory():
    rng = np.random.default_rng(3)
    size = rng.normal(1.0, 0.3, 400)
    low, high = error_intervals(size, Draws.of(names([1] * 400)))["error_by_source_interval"]
    half = 1.645 * 0.3 / np.sqrt(400)
    assert (high - low) / 2 == pytest.approx(half, rel=0.15)
    assert low < size.mean() < high


def test_pairing_sees_a_small_steady_gain_that_the_errors_own_intervals_hide():
    rng = np.random.default_rng(1)
    groups = names([5] * 30)
    other = np.repeat(rng.lognormal(0, 0.7, 30), 5)
    mine = 0.9 * other * rng.lognormal(0, 0.02, len(other))
    draws = Draws.of(groups)
    got = ratio(mine, other, draws)
    assert got["ratio"] == pytest.approx(0.9, abs=0.01)
    assert got["interval"][1] < 1.0
    assert got["by_row"]["interval"][1] < 1.0
    assert span(draws.by_source(mine))[1] > span(draws.by_source(other))[0]


def test_a_model_is_compared_with_those_that_were_evaluated_and_not_with_itself():
    draws = Draws.of(names([1, 1, 1]))
    errors = {"prior": np.array([1.0, -1.0, 1.0]), "champion": np.array([0.5, -0.5, 0.5])}
    assert ratios("champion", errors, draws)["prior"]["ratio"] == pytest.approx(0.5)
    assert set(ratios("champion", errors, draws)) == {"prior"}
    assert ratios("prior", errors, draws) == {}


def test_nothing_is_compared_with_a_model_that_errs_nowhere():
    got = ratio(np.ones(2), np.zeros(2), Draws.of(["a", "b"]))
    assert got["ratio"] is got["interval"] is got["by_row"]["ratio"] is None


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="needs rows"):
        Draws.of([])
