"""Paired bootstrap over sources: how far an error, or the ratio of two, would move with others.

Rows of one source go together, so whole sources are drawn. All models see the same draws, which
is what makes the interval of a ratio narrower than the errors' own intervals suggest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RESAMPLES = 2000
SEED = 0
SHARE = 0.9
# Whom every model is compared with.
COMPARED = ("prior", "reference-table", "random-forest")


@dataclass(frozen=True)
class Draws:
    """How often each source takes part: counts (resamples, sources); place (n,) of each row's."""

    counts: Array
    place: NDArray[np.int64]

    @classmethod
    def of(cls, groups: Sequence[str], *, resamples: int = RESAMPLES, seed: int = SEED) -> Draws:
        """Seeded draws of as many sources as there are, with replacement.

        Raises ValueError without rows.
        """
        if not len(groups):
            raise ValueError("the bootstrap needs rows")
        names, place = np.unique(np.asarray(groups), return_inverse=True)
        size = len(names)
        counts = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), resamples)
        return cls(counts.astype(float), place)

    def by_source(self, size: Array) -> Array:
        """The mean over sources of their mean of size (n,), for each draw: (resamples,)."""
        means = np.bincount(self.place, size) / np.bincount(self.place)
        return self.counts @ means / self.counts.sum(axis=1)

    def by_row(self, size: Array) -> Array:
        """The mean of size (n,) over the rows of the drawn sources: (resamples,)."""
        sums, rows = np.bincount(self.place, size), np.bincount(self.place)
        return (self.counts @ sums) / (self.counts @ rows)

    def once(self) -> Draws:
        """Every source exactly once: the figure itself, without resampling."""
        return Draws(np.ones((1, self.counts.shape[1])), self.place)


def span(values: Array) -> list[float]:
    """The central interval of SHARE of the draws."""
    low, high = np.quantile(values, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return [float(low), float(high)]


def error_intervals(size: Array, draws: Draws) -> dict[str, list[float]]:
    """90 % intervals of the mean absolute error (n,) by source and by row."""
    return {
        "error_by_source_interval": span(draws.by_source(size)),
        "error_by_row_interval": span(draws.by_row(size)),
    }


def ratio(size: Array, other: Array, draws: Draws) -> dict:
    """Error by source over another model's on the same rows (both (n,)), below 1 where better.

    `ratio` and its 90 % `interval`; `by_row` the same of the errors by row. None where the other
    has no error at all.
    """

    def of(kind: str) -> dict:
        mine, theirs = getattr(draws, kind)(size), getattr(draws, kind)(other)
        now, then = getattr(draws.once(), kind)(size), getattr(draws.once(), kind)(other)
        if not np.all(theirs > 0.0):
            return {"ratio": None, "interval": None}
        return {"ratio": float(now[0] / then[0]), "interval": span(mine / theirs)}

    return {**of("by_source"), "by_row": of("by_row")}


def ratios(name: str, errors: Mapping[str, Array], draws: Draws) -> dict[str, dict]:
    """A model's ratios to each of COMPARED that was evaluated; `errors` (n,) by model."""
    size = np.abs(errors[name])
    return {
        other: ratio(size, np.abs(errors[other]), draws)
        for other in COMPARED
        if other in errors and other != name
    }
