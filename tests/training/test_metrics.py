"""Measures of predictions, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from models.calibration import Bounds
from training.metrics import LEVELS, Outcome, crps, interval_score, mean_by, measures


def test_errors_by_row_and_by_source():
    outcome = Outcome("m", np.array([0.1, -0.1, 0.4]), {})
    got = measures(outcome, ["a", "a", "b"], ["vm", "vm", "wasm"])
    assert got["error_by_row"] == pytest.approx(0.2)
    assert got["error_by_source"] == pytest.approx(0.25)
    assert got["median_error"] == pytest.approx(np.expm1(0.1))
    assert "coverage" not in got


def test_coverage_and_width():
    wide = np.array([0.2, 0.2, 0.2])
    half = {level: Bounds(wide, wide) for level in LEVELS}
    outcome = Outcome("m", np.array([0.1, -0.1, 0.4]), half)
    got = measures(outcome, ["a", "a", "b"], ["vm", "vm", "wasm"])
    assert got["coverage"] == pytest.approx(2 / 3)
    assert got["coverage_by_source_mean"] == pytest.approx(0.5)
    assert got["coverage_by_runtime"] == {"vm": 1.0, "wasm": 0.0}
    assert got["width"] == pytest.approx(0.4)


def test_interval_score_is_width_plus_the_miss():
    got = interval_score(np.array([0.1, 0.5, -0.6]), Bounds(np.full(3, 0.4), np.full(3, 0.3)), 0.9)
    np.testing.assert_allclose(got, [0.7, 0.7 + 20 * 0.2, 0.7 + 20 * 0.2])


def test_crps_prefers_the_honest_spread():
    rng = np.random.default_rng(0)
    error = rng.normal(0, 1, 20000)
    from scipy.stats import norm

    def half(scale):
        ends = {v: np.full(len(error), scale * norm.ppf(0.5 + v / 2)) for v in LEVELS}
        return {v: Bounds(w, w) for v, w in ends.items()}

    scores = {scale: crps(error, half(scale)).mean() for scale in (0.3, 1.0, 3.0)}
    assert scores[1.0] == min(scores.values())


def test_means_by_key():
    assert mean_by(np.array([1.0, 3.0, 5.0]), ["b", "b", "a"]) == {"a": 5.0, "b": 2.0}
