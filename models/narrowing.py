"""How much narrower an interval is with own rows, learned where sources are left out.

The posterior variance alone promises too much: errors on a rig have heavier tails than the
process, and around a mean that own rows have moved they are less skewed. So sources left out are
conditioned on a few of their rows, and the errors of the others say how far the interval's width
follows the posterior's, and which quantiles it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.calibration import Bounds, Calibration, conformal, group_weights
from models.rows import Rows
from models.selection import LeaveOut, score

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# How many own rows the narrowing is learned with, and how often they are drawn from a source.
COUNTS = (5, 10)
DRAWS = 12
# What own rows' noise may be multiplied by. Repeats are closer than rows of one rig are to the
# smooth effect of that rig: a row that is taken at its repeats' word misleads about its likes.
SCATTERS = (1.0, 4.0)
# A source is drawn from when it has this many scored rows beside the own ones.
LEAST_LEFT = 3
# From this share of the variance explained on, own rows decide which quantiles are taken.
_FULL_SHARE = 0.1
_FLOOR = 0.02


@dataclass(frozen=True)
class OwnAnswers:
    """Rows of left-out sources (m), each predicted with few rows of its own source.

    place: numbers of the rows; mean, plain: of their log residual with and without own rows;
    narrowed: standard deviation with own rows over that without.
    """

    place: NDArray[np.int64]
    mean: Array
    plain: Array
    narrowed: Array

    def __len__(self) -> int:
        return len(self.place)


@dataclass(frozen=True)
class Narrowing:
    """The width follows the posterior's standard deviation by `exponent`; `calibration` has the
    scale model of the plain one and the conformal scores of rows predicted with own rows, whose
    noise is multiplied by `scatter`."""

    scatter: float
    exponent: float
    calibration: Calibration

    def bounds(
        self, plain: Calibration, features: Array, predicted: Array, level: float, narrowed: Array
    ) -> Bounds:
        """The interval about predicted log retained (n,) where own rows left `narrowed` (n,) of
        the standard deviation. It is the plain one where they left all."""
        before = plain.bounds(features, predicted, level)
        factor = narrowed**self.exponent
        after = self.calibration.bounds(features, predicted, level, factor)
        share = np.clip((1.0 - narrowed**2) / _FULL_SHARE, 0.0, 1.0)
        return Bounds(
            before.below + share * (after.below - before.below),
            before.above + share * (after.above - before.above),
        )


def own_answers(
    rows: Rows,
    precision: Array,
    answer: LeaveOut,
    scored: Flags,
    count: int,
    *,
    scatter: float = 1.0,
    draws: int = DRAWS,
    seed: int = 0,
    without: int | None = None,
    only: int | None = None,
) -> OwnAnswers:
    """Each source with enough scored rows predicted by a process that has not seen its group but
    `count` of its rows, in closed form: from the leave-out answer (n), whose errors own rows
    correct, and from the rows' precision (n, n), which says how errors go together.

    With `without` another group is left out as well, and `answer` is one that has seen neither;
    with `only` one group is answered for.
    """
    place, mean, plain, narrowed = [], [], [], []
    limit = rows.limit_of(rows.log_prior)
    for source in np.unique(rows.points.source[scored]):
        index = np.flatnonzero((rows.points.source == source) & scored)
        group = int(rows.group[index[0]])
        if group == without or only not in (None, group) or len(index) < count + LEAST_LEFT:
            continue
        error = answer.error(rows)[index]
        spread = _left_out(rows, precision, index, group, without)
        more = (scatter - 1.0) * rows.noise[index]
        for own, rest in _splits(len(index), count, draws, seed + int(source)):
            told = spread[np.ix_(own, own)] + np.diag(more[own])
            gain = np.linalg.solve(told, spread[np.ix_(own, rest)]).T
            kept = spread.diagonal()[rest] - np.einsum("ij,ji->i", gain, spread[np.ix_(own, rest)])
            said = rows.residual[index[rest]] - error[rest]
            place.append(index[rest])
            plain.append(said)
            mean.append(np.minimum(said + gain @ error[own], np.maximum(said, limit[index[rest]])))
            narrowed.append(np.sqrt(np.clip(kept / spread.diagonal()[rest], 1e-6, 1.0)))
    if not place:
        none = np.zeros(0)
        return OwnAnswers(np.zeros(0, dtype=np.int64), none, none, none)
    return OwnAnswers(*(np.concatenate(part) for part in (place, mean, plain, narrowed)))


def _left_out(
    rows: Rows, precision: Array, index: NDArray, group: int, without: int | None
) -> Array:
    """Covariance (k, k) of rows `index` of a group that was left out, noise included."""
    members = np.flatnonzero(rows.group == group)
    block = precision[np.ix_(members, members)]
    if without is not None:
        other = np.flatnonzero(rows.group == without)
        across = precision[np.ix_(other, members)]
        block = block - across.T @ np.linalg.solve(precision[np.ix_(other, other)], across)
    at = np.searchsorted(members, index)
    spread: Array = np.linalg.inv(block).astype(float)
    return spread[np.ix_(at, at)]


def _splits(size: int, count: int, draws: int, seed: int) -> Iterator[tuple[NDArray, NDArray]]:
    rng = np.random.default_rng([seed, count])
    for _ in range(draws):
        order = rng.permutation(size)
        yield np.sort(order[:count]), np.sort(order[count:])


def learn_narrowing(
    rows: Rows,
    features: Array,
    calibration: Calibration,
    answer: Callable[[int, float], OwnAnswers],
) -> Narrowing:
    """Choose the scatter by the errors with own rows, fit the exponent to their size, and take
    their conformal scores.

    features: (n, ...) of the scale model for all rows; answer: what sources left out are told
    with a count of own rows under a scatter. Where they are told nothing, nothing is narrowed.
    """
    tried = [_Told.of(rows, [answer(count, s) for count in COUNTS]) for s in SCATTERS]
    best = int(np.argmin([score(t.error, t.group) if len(t.error) else 0.0 for t in tried]))
    told = tried[best]
    explained = 1.0 - told.narrowed**2
    if explained.sum() < 1.0:
        return Narrowing(1.0, 0.0, calibration)
    scale = calibration.scale(features[told.place])
    # Where own rows say little they teach little of what own rows are worth.
    matter = group_weights(told.group) * explained
    matter = matter / matter.sum()
    exponent = _slope(np.log(told.narrowed), np.log((np.abs(told.error) + _FLOOR) / scale), matter)
    exponent = float(np.clip(exponent, 0.0, 1.0))
    scores, cumulative = conformal(
        told.error / (scale * told.narrowed**exponent), matter, len(np.unique(told.group))
    )
    own = replace(calibration, scores=scores, cumulative=cumulative)
    return Narrowing(SCATTERS[best], exponent, own)


@dataclass(frozen=True)
class _Told:
    """Answers put together: place, error, narrowed and group, each (m,)."""

    place: NDArray[np.int64]
    error: Array
    narrowed: Array
    group: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows, answers: Sequence[OwnAnswers]) -> _Told:
        place = np.concatenate([a.place for a in answers])
        error = rows.residual[place] - np.concatenate([a.mean for a in answers])
        narrowed = np.concatenate([a.narrowed for a in answers])
        return cls(place, error, narrowed, rows.group[place])


def _slope(x: Array, y: Array, weight: Array) -> float:
    x = x - weight @ x
    spread = float(weight @ x**2)
    return float(weight @ (x * (y - weight @ y))) / spread if spread > 0 else 0.0
