"""What a predictor says of many scenarios: retained, interval and novelty as columns.

The numbers are those of Predictor.predict, without what it says beside them (parts, evidence,
reasons), and without an object for each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.columns import Columns
from features.constants import ConstantSets, constants
from features.encoder import encoding_of
from features.integration import expected_priors
from features.table import workload_families
from features.vocabulary import vocabulary
from models.conditioning import of_new_source
from models.judging import features_of_variance
from models.kernel import Points
from models.novelty import unknown_error
from models.predictor import CHUNK, NATIVE_HALF_WIDTH, Predictor
from models.rows import residual_limit

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Scores(NamedTuple):
    """Of n scenarios: retained and the ends of its interval (n,), novelty (n,) in thresholds, and
    whether the answer extrapolates (n,)."""

    retained: Array
    low: Array
    high: Array
    novelty: Array
    extrapolating: Flags


@dataclass(frozen=True)
class Scorer:
    """A predictor that answers columns."""

    predictor: Predictor

    def score(self, columns: Columns, level: float | Array = 0.9) -> Scores:
        """The scores of n scenarios, for intervals of a level, or of one for each (n,).

        Raises ValueError when a level is not inside (0, 1).
        """
        levels = np.broadcast_to(np.asarray(level, dtype=float), len(columns))
        if not ((levels > 0.0) & (levels < 1.0)).all():
            raise ValueError("a level must be between 0 and 1")
        starts = range(0, len(columns), CHUNK)
        blocks = (np.arange(start, min(start + CHUNK, len(columns))) for start in starts)
        parts = [self._block(columns.take(rows), levels[rows]) for rows in blocks]
        if not parts:
            none = np.zeros(0)
            return Scores(none, none, none, none, none.astype(bool))
        return Scores(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def _block(self, columns: Columns, levels: Array) -> Scores:
        predictor, table = self.predictor, columns.table
        priors = expected_priors(table, self._sets)
        prior = priors[-1]
        encoding = encoding_of(table, priors[0], prior)
        # Of no source: what carries over does not ask for it.
        points = Points(encoding, np.full(len(table), -1), columns.resource)
        carried = predictor.carried.levels(points)
        mean, variance, _ = of_new_source(carried, points, predictor.amplitudes)
        features = features_of_variance(points, prior.host_spread, variance)
        expected = predictor.calibration.scale(features)
        mean = np.minimum(mean, residual_limit(prior.log_retained))
        log_retained = prior.log_retained + mean
        native = encoding[:, 0] == 0
        below, above = np.full((2, len(table)), NATIVE_HALF_WIDTH)
        for level in np.unique(levels).tolist():
            bounds = predictor.calibration.bounds(expected, log_retained, level)
            mine = (levels == level) & ~native
            below[mine], above[mine] = bounds.below[mine], bounds.above[mine]
        near = predictor.nearest.of(encoding)
        unknown = unknown_error(expected, carried.share, near)
        novelty = np.where(native, 0.0, unknown / predictor.novelty_threshold)
        new = self._unmeasured(columns) | (unknown > predictor.novelty_threshold)
        return Scores(
            np.exp(log_retained),
            np.exp(log_retained - below),
            np.exp(log_retained + above),
            novelty,
            new & ~native,
        )

    @cached_property
    def _sets(self) -> ConstantSets:
        """The reference's constants, and those that the predictor's prior uses."""
        used = self.predictor.constants
        return ConstantSets([constants()] if used is None else [constants(), used])

    @cached_property
    def _pairs(self) -> Flags:
        """Whether somebody measured a runtime with a workload: (runtimes, workloads)."""
        words = (tuple(vocabulary().runtimes), tuple(workload_families()))
        return _measured(self.predictor.known.pairs, *words)

    @cached_property
    def _options(self) -> Mapping[str, Flags]:
        """Mechanism -> whether somebody measured a runtime with a value: (runtimes, values)."""
        runtimes = tuple(vocabulary().runtimes)
        options = self.predictor.known.options
        return {
            key: _measured(((r, v) for r, k, v in options if k == key), runtimes, mechanism.values)
            for key, mechanism in vocabulary().mechanisms.items()
        }

    def _unmeasured(self, columns: Columns) -> Flags:
        """Whether nobody measured the like of a scenario (n,): models.evidence.find_novelty."""
        runtime = columns.table.code("runtime")
        found: Flags = ~self._pairs[runtime, columns.table.workload]
        for key, given in columns.given.items():
            found |= given & ~self._options[key][runtime, columns.table.code(key)]
        return found


def _measured(
    pairs: Iterable[tuple[str, str]], first: tuple[str, ...], second: tuple[str, ...]
) -> Flags:
    """Which pairs of words there are; a word that the vocabulary has not is nobody's."""
    found = np.zeros((len(first), len(second)), dtype=bool)
    for one, other in pairs:
        if one in first and other in second:
            found[first.index(one), second.index(other)] = True
    return found
