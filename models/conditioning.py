"""The posterior of the residual, for a source never seen or for one with a few rows of its own.

A caller's own rows share one new source. They move the fitted process by a rank-k update: the
training rows' precision stays as it is, and only a k x k matrix is inverted for each request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.encoder import encoded_base
from features.scenario import RESOURCE_CLASSES, Scenario, resource_class
from models.carried import Carried, Said
from models.kernel import Amplitudes, Codes, Points, kernel, within_variance
from models.rows import NOISE_CLEAN, Rows, noise_share, residual_limit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """A caller's own measurement against bare metal: a row that is learned from for one request.

    `spread` is a relative standard deviation over `repeats` runs.
    """

    scenario: Scenario
    retained: float
    spread: float | None = None
    repeats: int | None = None

    @property
    def baseline(self) -> Scenario | None:
        """Bare metal."""
        return None

    @property
    def origin(self) -> str:
        """Always a measurement."""
        return "measured"

    @property
    def resource(self) -> str:
        """What its workload exercises."""
        return resource_class(self.scenario)

    @property
    def caution(self) -> str:
        """None: who measured it knows."""
        return ""


def resource_codes(scenarios: Sequence[Scenario]) -> Codes:
    """The codes (n,) of resource_class in RESOURCE_CLASSES."""
    return np.array([RESOURCE_CLASSES.index(resource_class(s)) for s in scenarios], dtype=np.int64)


class Process(Protocol):
    """A fitted process: n rows, the diagonal of their precision (n,), what it learned of them
    (n,), how it speaks of other sources, and its `Posterior.pull` (n,)."""

    @property
    def rows(self) -> Rows: ...
    @property
    def amplitudes(self) -> Amplitudes: ...
    @property
    def diagonal(self) -> Array: ...
    @property
    def learned(self) -> Array: ...
    @property
    def carried(self) -> Carried: ...
    @property
    def pull(self) -> Array: ...


def own_source(rows: Rows) -> int:
    """The code of a source that none of the rows has."""
    return int(rows.points.source.max(initial=-1)) + 1


@dataclass(frozen=True)
class Own:
    """k rows of one new source, conditioned on.

    between: (k, u) their kernel with the training rows' distinct points; seen: (k, n) that with
    the rows, times the precision; inverse: (k, k) their precision given the training rows; alpha:
    (k,); pull: (n + k,) how far a unit of weight on a row, training rows first, moves the mean.
    """

    rows: Rows
    between: Array
    seen: Array
    inverse: Array
    alpha: Array
    pull: Array

    def __len__(self) -> int:
        return len(self.rows)


def condition(process: Process, rows: Rows) -> Own:
    """Condition a process on rows (k) of one source that it has not seen, without baselines.

    Raises ValueError when a row is a difference: only rows against bare metal are conditioned on.
    """
    if len(rows.baseline):
        raise ValueError("own rows are measured against bare metal")
    between = process.carried.kernel(rows.points)
    seen = process.carried.weights(between)
    covariance = kernel(rows.points, rows.points, process.amplitudes)
    covariance -= process.carried.explained(between, between)
    covariance[np.diag_indices_from(covariance)] += rows.noise
    inverse: Array = np.linalg.inv(0.5 * (covariance + covariance.T)).astype(float)
    # What own rows correct is what would have been said without them, its limit included.
    said = np.minimum(process.carried.mean(between), residual_limit(rows.log_prior))
    alpha = inverse @ (rows.residual - said)
    # The precision of both kinds of rows together, by its diagonal (block inversion).
    together = process.diagonal + np.einsum("ij,ij->j", seen, inverse @ seen)
    pull = [(process.learned - seen.T @ alpha) / together, alpha / inverse.diagonal()]
    return Own(rows, between, seen, inverse, alpha, np.concatenate(pull))


@dataclass(frozen=True)
class Posterior:
    """What m points are said to be.

    mean: (m,) of the log residual; variance: (m,) of a measurement before own rows; carried: (m,)
    the share of the carried-over variance that is left; narrowed: (m,) the standard deviation
    after own rows over that before; said: what the training rows alone say; gain: (m, k) weights
    of own rows, and `own` what is conditioned on; pull: (n + k,) how far a unit of weight on a row
    moved the mean.
    """

    mean: Array
    variance: Array
    carried: Array
    narrowed: Array
    said: Sequence[Said]
    gain: Array
    own: Own | None
    pull: Array

    @cached_property
    def weights(self) -> Array:
        """The weights (m, n + k) of the training rows and own rows in the mean."""
        plain = np.stack([said.weights for said in self.said])
        if self.own is None:
            return plain
        return np.hstack([plain - self.gain @ self.own.seen, self.gain])

    def moved(self, point: int, row: int) -> float:
        """How far a row (training rows first, then own) moved the mean at a point."""
        weights = self.said[point].weights if self.own is None else self.weights[point]
        return float(weights[row] * self.pull[row])

    def without(self, point: int, row: int) -> float:
        """The mean at a point if a row had not been there."""
        return float(self.mean[point]) - self.moved(point, row)


def posterior(process: Process, points: Points, own: Own | None = None) -> Posterior:
    """The posterior at points (m), which share the source of `own` where that is given.

    The points' source must be one that the training rows do not have.
    """
    said = process.carried.said(points)
    mean, left, share = np.array([(one.mean, one.left, one.share) for one in said]).T
    noise = (NOISE_CLEAN * noise_share(points.log_prior)) ** 2
    variance = left + within_variance(points, process.amplitudes) + noise
    mean = np.minimum(mean, residual_limit(encoded_base(points.encoding)))
    if own is None:
        one, none = np.ones(len(mean)), np.zeros((len(mean), 0))
        return Posterior(mean, variance, share, one, said, none, None, process.pull)
    shared = _given_training(process, points, own)
    gain = shared @ own.inverse
    after = np.clip(variance - np.einsum("ij,ij->i", gain, shared), noise, variance)
    narrowed = np.sqrt(after / variance)
    mean = mean + shared @ own.alpha
    return Posterior(mean, variance, share, narrowed, said, gain, own, own.pull)


def _given_training(process: Process, points: Points, own: Own) -> Array:
    """The covariance (m, k) between points and own rows that training rows leave."""
    between = process.carried.kernel(points)
    found = kernel(points, own.rows.points, process.amplitudes)
    return found - process.carried.explained(between, own.between)


def joint_covariance(process: Process, points: Points, own: Own | None = None) -> Array:
    """The posterior covariance (m, m) of the log residual at points of one source, no noise."""
    between = process.carried.kernel(points)
    found = kernel(points, points, process.amplitudes)
    found -= process.carried.explained(between, between)
    if own is not None:
        shared = _given_training(process, points, own)
        found = found - shared @ own.inverse @ shared.T
    return 0.5 * (found + found.T)
