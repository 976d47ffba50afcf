"""Measures by source, runtime, workload and novelty decile, and the worst of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from training.metrics import LEVEL, Outcome, crps, interval_score, mean_by

Array = NDArray[np.float64]

# A runtime with fewer scored rows says too little of its coverage to be called the worst.
FEWEST_ROWS = 15
DECILES = 10


def deciles(novelty: Array) -> tuple[str, ...]:
    """The decile of each novelty (n,), "d01" to "d10" the most novel; like values go together."""
    edges = np.quantile(novelty, np.arange(1, DECILES) / DECILES)
    return tuple(f"d{k + 1:02d}" for k in np.searchsorted(edges, novelty, side="left"))


def breakdown(outcome: Outcome, kinds: Mapping[str, Sequence[str]]) -> dict[str, dict[str, dict]]:
    """Kind -> name -> rows, error and, with intervals, coverage, width, interval_score, crps.

    `kinds` gives each row's name (n,) by kind. Widths are medians, all else means.
    """
    columns = {"error": np.abs(outcome.error)}
    width = None
    if outcome.bounds:
        bounds = outcome.bounds[LEVEL]
        columns["coverage"] = bounds.holds(outcome.error).astype(float)
        columns["interval_score"] = interval_score(outcome.error, bounds, LEVEL)
        columns["crps"] = crps(outcome.error, outcome.bounds)
        width = bounds.below + bounds.above
    found: dict[str, dict[str, dict]] = {}
    for kind, names in kinds.items():
        keys = np.asarray(names)
        found[kind] = {}
        for name in np.unique(keys):
            mine = keys == name
            cell: dict = {"rows": int(mine.sum())}
            cell.update({k: float(v[mine].mean()) for k, v in columns.items()})
            if width is not None:
                cell["width"] = float(np.median(width[mine]))
            found[kind][str(name)] = cell
    return found


def worst_coverage(
    outcome: Outcome, groups: Sequence[str], runtimes: Sequence[str]
) -> dict[str, float]:
    """Coverage of the worst runtime with FEWEST_ROWS rows or more, and the mean coverage of the
    tenth of the sources (rounded up) that are covered worst. Empty without intervals."""
    if not outcome.bounds:
        return {}
    inside = outcome.bounds[LEVEL].holds(outcome.error).astype(float)
    found = {}
    keys = np.asarray(runtimes)
    enough = [v for k, v in mean_by(inside, runtimes).items() if (keys == k).sum() >= FEWEST_ROWS]
    if enough:
        found["coverage_worst_runtime"] = min(enough)
    by_source = sorted(mean_by(inside, groups).values())
    found["coverage_worst_sources"] = float(np.mean(by_source[: -(-len(by_source) // 10)]))
    return found


def flagged(outcome: Outcome, novelty: Array) -> dict[str, float]:
    """Whether novelty (n,) means what it says: mean error of its last decile and of the rest, and
    how novelty and the errors' size rank together (Spearman)."""
    last = np.asarray(deciles(novelty)) == f"d{DECILES:02d}"
    size = np.abs(outcome.error)
    if last.all() or not last.any():
        return {}
    return {
        "error_flagged": float(size[last].mean()),
        "error_rest": float(size[~last].mean()),
        "novelty_rank_correlation": float(spearmanr(novelty, size).statistic),
    }
