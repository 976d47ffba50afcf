"""Measures of predictions of log retained, by row and by source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEVEL = 0.9
# One half width for each level: an interval score at every level gives the CRPS by quadrature.
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class Outcome:
    """What a model said of n scored rows: error (observed less predicted log retained) and the
    half widths of its intervals by level (empty where it gives none)."""

    name: str
    error: Array
    half_width: dict[float, Array]


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
    if outcome.half_width:
        half = outcome.half_width[LEVEL]
        inside = (size <= half).astype(float)
        by_source = mean_by(inside, groups)
        out["coverage"] = float(inside.mean())
        out["coverage_by_source_mean"] = float(np.mean(list(by_source.values())))
        out["coverage_by_runtime"] = mean_by(inside, runtimes)
        out["width"] = float(np.median(2.0 * half))
        out["interval_score"] = float(interval_score(size, half, LEVEL).mean())
        out["crps"] = float(crps(size, outcome.half_width).mean())
    return out


def interval_score(size: Array, half: Array, level: float) -> Array:
    """Winkler's score (n,) of symmetric intervals: width plus 2 / (1 - level) times the miss."""
    return 2.0 * half + 2.0 / (1.0 - level) * np.maximum(size - half, 0.0)


def crps(size: Array, half_width: dict[float, Array]) -> Array:
    """Continuous ranked probability score (n,) by quadrature over the levels.

    The weighted interval score of Bracher et al. 2021, which tends to the CRPS.
    """
    levels = sorted(half_width)
    total = 0.5 * size
    for level in levels:
        total = total + 0.5 * (1.0 - level) * interval_score(size, half_width[level], level)
    return total / (len(levels) + 0.5)
