"""How much narrower an interval is with own rows, learned where sources are left out.

The posterior variance alone promises too much: errors on a rig have heavier tails than the
process. So sources left out are conditioned on a few of their rows, and the errors of the others,
with own rows and without, say how far the interval's width follows the posterior's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration import Bounds, Calibration, group_weights
from models.rig import SHARED, heavy_tailed, resizing, scatter_variance, with_diagonal
from models.rows import Rows
from models.selection import LeaveOut, score

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# How many own rows the narrowing is learned with, and how often they are drawn from a source.
COUNTS = (5, 10)
DRAWS = 12
# What is tried for the scatter of rows about their rig, in squares of the expected error.
SCATTERS = (0.1, 0.2, 0.4)
# A source is drawn from when it has this many scored rows beside the own ones.
LEAST_LEFT = 3
_FLOOR = 0.02
# From this share of the variance explained on, the whole stretch is taken.
_FULL_SHARE = 0.1
# Where the interval is made to cover what it promises.
_LEVEL = 0.9


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
    """The width follows the posterior's standard deviation by `exponent`, where rows scatter about
    their rig by `scatter` (models.rig), and is `stretch` times that, so that it covers."""

    scatter: float
    exponent: float
    stretch: float

    def bounds(
        self, plain: Calibration, expected: Array, predicted: Array, level: float, narrowed: Array
    ) -> Bounds:
        """The interval about predicted log retained (n,) where own rows left `narrowed` (n,) of
        the standard deviation, of errors `expected` (n,) without them: the plain one where they
        left all, and never wider."""
        share = np.clip((1.0 - narrowed**2) / _FULL_SHARE, 0.0, 1.0)
        factor = narrowed**self.exponent * (1.0 + share * (self.stretch - 1.0))
        return plain.bounds(expected * np.minimum(factor, 1.0), predicted, level)


def own_answers(
    rows: Rows,
    precision: Array,
    answer: LeaveOut,
    scored: Flags,
    count: int,
    expected: Array,
    *,
    scatter: float = SCATTERS[0],
    draws: int = DRAWS,
    seed: int = 0,
    without: int | None = None,
    only: int | None = None,
) -> OwnAnswers:
    """Each source with enough scored rows predicted by a process that has not seen its group but
    `count` of its rows, in closed form: from the leave-out answer (n), whose errors own rows
    correct, from the rows' precision (n, n), which says how errors go together, and from the size
    (n,) that is expected of them.

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
        latent = _left_out(rows, precision, index, group, without)
        size = resizing(expected[index], latent.diagonal())
        shared = latent * np.outer(size, size)
        scattered = scatter_variance(
            scatter, expected[index], rows.noise[index], rows.log_prior[index]
        )
        own, rest = _splits(len(index), count, draws, seed + int(source))
        told = shared[own[:, :, None], own[:, None, :]]
        covariance = with_diagonal(told, heavy_tailed(told, scattered[own], error[own]))
        across = shared[own[:, :, None], rest[:, None, :]]
        gain = np.linalg.solve(covariance, across)
        whole = (SHARED + scatter) * expected[index[rest]] ** 2
        kept = whole - np.einsum("dij,dij->dj", gain, across)
        said = (rows.residual[index] - error)[rest]
        moved = said + np.einsum("dij,di->dj", gain, error[own])
        place.append(index[rest].ravel())
        plain.append(said.ravel())
        mean.append(np.minimum(moved, np.maximum(said, limit[index[rest]])).ravel())
        narrowed.append(np.sqrt(np.clip(kept / whole, 1e-6, 1.0)).ravel())
    if not place:
        none = np.zeros(0)
        return OwnAnswers(np.zeros(0, dtype=np.int64), none, none, none)
    return OwnAnswers(*(np.concatenate(part) for part in (place, mean, plain, narrowed)))


def _left_out(
    rows: Rows, precision: Array, index: NDArray, group: int, without: int | None
) -> Array:
    """Covariance (k, k) of rows `index` of a group that was left out, without their noise."""
    members = np.flatnonzero(rows.group == group)
    block = precision[np.ix_(members, members)]
    if without is not None:
        other = np.flatnonzero(rows.group == without)
        across = precision[np.ix_(other, members)]
        block = block - across.T @ np.linalg.solve(precision[np.ix_(other, other)], across)
    at = np.searchsorted(members, index)
    spread: Array = np.linalg.inv(block).astype(float)
    return spread[np.ix_(at, at)] - np.diag(rows.noise[index])


def _splits(
    size: int, count: int, draws: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Own rows (draws, count) and the others (draws, size - count), each in order."""
    rng = np.random.default_rng([seed, count])
    order = np.stack([rng.permutation(size) for _ in range(draws)])
    return np.sort(order[:, :count], axis=1), np.sort(order[:, count:], axis=1)


def learn_narrowing(
    rows: Rows,
    expected: Array,
    calibration: Calibration,
    answer: Callable[[int, float], OwnAnswers],
) -> Narrowing:
    """Choose the scatter by the errors with own rows, fit the exponent to how much smaller than
    without them they are, and stretch what follows until it covers as it promises.

    expected: (n,) the size of error of all rows; answer: what sources left out are told
    with a count of own rows under a scatter. Where they are told nothing, nothing is narrowed.
    """
    tried = [_Told.of(rows, [answer(count, s) for count in COUNTS]) for s in SCATTERS]
    best = int(np.argmin([score(t.error, t.group) if len(t.error) else 0.0 for t in tried]))
    told = tried[best]
    explained = 1.0 - told.narrowed**2
    if explained.sum() < 1.0:
        return Narrowing(SCATTERS[0], 0.0, 1.0)
    # Where own rows say little they teach little of what own rows are worth. The line goes through
    # the origin: where they say nothing, an error stays as it is.
    matter = group_weights(told.group) * explained
    narrower = np.log(told.narrowed)
    smaller = np.log((np.abs(told.error) + _FLOOR) / (np.abs(told.plain) + _FLOOR))
    exponent = float(matter @ (narrower * smaller)) / float(matter @ narrower**2)
    exponent = min(max(exponent, 0.0), 1.0)
    held = calibration.bounds(
        expected[told.place] * told.narrowed**exponent,
        rows.log_retained[told.place] - told.error,
        _LEVEL,
    )
    reach = np.where(told.error < 0, held.below, held.above)
    needed = np.abs(told.error) / np.maximum(reach, 1e-9)
    order = np.argsort(needed)
    weight = matter[order] / matter.sum()
    stretch = needed[order][min(int(np.searchsorted(np.cumsum(weight), _LEVEL)), len(order) - 1)]
    return Narrowing(SCATTERS[best], exponent, max(float(stretch), 1.0))


@dataclass(frozen=True)
class _Told:
    """Answers put together: place, errors with own rows and without, narrowed and group (m,)."""

    place: NDArray[np.int64]
    error: Array
    plain: Array
    narrowed: Array
    group: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows, answers: Sequence[OwnAnswers]) -> _Told:
        place = np.concatenate([a.place for a in answers])
        residual = rows.residual[place]
        return cls(
            place,
            residual - np.concatenate([a.mean for a in answers]),
            residual - np.concatenate([a.plain for a in answers]),
            np.concatenate([a.narrowed for a in answers]),
            rows.group[place],
        )
