"""Measures of predictions of log retained, by row and by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration import Bounds

Array = NDArray[np.float64]

LEVEL = 0.9
# Bounds for each level: an interval score at every level gives the CRPS by quadrature.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Outcome:
    """What a model said of n scored rows: error (observed less predicted log retained), the
    bounds of its intervals by level (empty where it gives none), and what it held unknown of each
    row (None where it knows of none)."""

    name: str
    error: Array
    bounds: dict[float, Bounds]
    novelty: Array | None = None


def mean_by(values: Array, keys: Sequence[str]) -> dict[str, float]:
    """Mean of values (n,) by key, in the order of the keys."""
    keys_array = np.asarray(keys)
    return {str(k): float(values[keys_array == k].mean()) for k in np.unique(keys_array)}


def measures(outcome: Outcome, groups: Sequence[str], runtimes: Sequence[str]) -> dict:
    """All measures of one model: errors, coverage, width, interval score, CRPS."""
    size = np.abs(outcome.error)
    out: dict = {
        "error_by_source": float(np.mean(list(mean_by(size, groups).values()))),
        "error_by_row": float(size.mean()),
        "median_error": float(np.median(np.expm1(size))),
    }
    if outcome.bounds:
        bounds = outcome.bounds[LEVEL]
        inside = bounds.holds(outcome.error).astype(float)
        by_source = mean_by(inside, groups)
        out["coverage"] = float(inside.mean())
        out["coverage_by_source_mean"] = float(np.mean(list(by_source.values())))
        out["coverage_by_runtime"] = mean_by(inside, runtimes)
        out["width"] = float(np.median(bounds.below + bounds.above))
        out["interval_score"] = float(interval_score(outcome.error, bounds, LEVEL).mean())
        out["crps"] = float(crps(outcome.error, outcome.bounds).mean())
    return out


def interval_score(error: Array, bounds: Bounds, level: float) -> Array:
    """Winkler's score (n,): width plus 2 / (1 - level) times the miss on either side."""
    miss = np.maximum(error - bounds.above, 0.0) + np.maximum(-bounds.below - error, 0.0)
    return bounds.below + bounds.above + 2.0 / (1.0 - level) * miss


def crps(error: Array, bounds: dict[float, Bounds]) -> Array:
    """Continuous ranked probability score (n,) by quadrature over the levels.

    The weighted interval score of Bracher et al. 2021, which tends to the CRPS.
    """
    total = 0.5 * np.abs(error)
    for level, held in bounds.items():
        total = total + 0.5 * (1.0 - level) * interval_score(error, held, level)
    return total / (len(bounds) + 0.5)
