"""The posterior of the residual, for a source never seen or for one with a few rows of its own.

A caller's own rows share one new source. They move the fitted process by a rank-k update: the
training rows' precision stays as it is, and only a k x k matrix is inverted for each request. How
large errors are on a new rig, and how rows scatter there, is models.rig's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.encoder import encoded_base
from features.scenario import RESOURCE_CLASSES, Scenario, resource_class
from models.carried import Carried, Levels, Said
from models.kernel import Amplitudes, Codes, Points, kernel, within_variance
from models.rig import SHARED, heavy_tailed, resizing, scatter_variance, with_diagonal
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
    the rows, times the precision; size: (k,) what the process is multiplied by at them; scatter: of
    a row about its rig, in squares of the expected error; inverse: (k, k) their precision given the
    training rows; alpha: (k,); pull: (n + k,) how far a unit of weight on a row, training rows
    first, moves the mean.
    """

    rows: Rows
    between: Array
    seen: Array
    size: Array
    scatter: float
    inverse: Array
    alpha: Array
    pull: Array

    def __len__(self) -> int:
        return len(self.rows)


def condition(process: Process, rows: Rows, expected: Array, scatter: float) -> Own:
    """Condition a process on rows (k) of one source that it has not seen, without baselines, of
    an expected size of error (k,) each.

    Raises ValueError when a row is a difference: only rows against bare metal are conditioned on.
    """
    if len(rows.baseline):
        raise ValueError("own rows are measured against bare metal")
    between = process.carried.kernel(rows.points)
    latent = kernel(rows.points, rows.points, process.amplitudes)
    latent -= process.carried.explained(between, between)
    latent = 0.5 * (latent + latent.T)
    size = resizing(expected, latent.diagonal())
    # What own rows correct is what would have been said without them, its limit included.
    said = np.minimum(process.carried.mean(between), residual_limit(rows.log_prior))
    error = rows.residual - said
    shared = latent * np.outer(size, size)
    clean = scatter_variance(scatter, expected, rows.noise, rows.log_prior)
    covariance = with_diagonal(shared, heavy_tailed(shared, clean, error))
    inverse: Array = np.linalg.inv(covariance).astype(float)
    alpha = inverse @ error
    pull = np.concatenate([process.pull, alpha / inverse.diagonal()])
    seen = process.carried.weights(between)
    return Own(rows, between, seen, size, scatter, inverse, alpha, pull)


@dataclass(frozen=True)
class Posterior:
    """What m points are said to be.

    mean: (m,) of the log residual; variance: (m,) of a measurement before own rows, latent: (m,)
    that without its noise; carried: (m,) the share of the carried-over variance that is left;
    narrowed: (m,) the standard deviation after own rows over that before; said: what the training
    rows alone say; gain: (m, k) weights of own rows, and `own` what is conditioned on; pull:
    (n + k,) how far a unit of weight on a row moved the mean.
    """

    mean: Array
    variance: Array
    latent: Array
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
        """How far a row (training rows first, then own) moved the mean at a point, own rows being
        believed as they are."""
        weights = self.said[point].weights if self.own is None else self.weights[point]
        return float(weights[row] * self.pull[row])

    def without(self, point: int, row: int) -> float:
        """The mean at a point if a row had not been there."""
        return float(self.mean[point]) - self.moved(point, row)


def posterior(process: Process, points: Points) -> Posterior:
    """The posterior at points (m) of a source that the training rows do not have."""
    said = process.carried.said(points)
    levels = Levels(*np.array([(one.mean, one.left, one.share) for one in said]).T)
    mean, variance, latent = of_new_source(levels, points, process.amplitudes)
    one, none = np.ones(len(mean)), np.zeros((len(mean), 0))
    return Posterior(mean, variance, latent, levels.share, one, said, none, None, process.pull)


def of_new_source(
    levels: Levels, points: Points, amplitudes: Amplitudes
) -> tuple[Array, Array, Array]:
    """The mean (m,) of the log residual of points of a source never seen, the variance (m,) of a
    measurement there and that without its noise, from what carries over."""
    noise = (NOISE_CLEAN * noise_share(points.log_prior)) ** 2
    latent = levels.left + within_variance(points, amplitudes)
    mean = np.minimum(levels.mean, residual_limit(encoded_base(points.encoding)))
    return mean, latent + noise, latent


def told(
    process: Process, points: Points, before: Posterior, own: Own, expected: Array
) -> Posterior:
    """The posterior at points (m), whose source is that of `own`, from that before own rows and
    the size of error (m,) expected then."""
    shared = _shared(process, points, own) * resizing(expected, before.latent)[:, None]
    gain = shared @ own.inverse
    whole = rig_variance(expected, own.scatter)
    after = np.clip(whole - np.einsum("ij,ij->i", gain, shared), 1e-6 * whole, whole)
    return replace(
        before,
        mean=before.mean + shared @ own.alpha,
        narrowed=np.sqrt(after / whole),
        gain=gain,
        own=own,
        pull=own.pull,
    )


def rig_variance(expected: Array, scatter: float) -> Array:
    """The variance (m,) of a clean measurement on a rig before own rows, in log retained."""
    return SHARED * expected**2 + scatter_variance(scatter, expected)


def _shared(process: Process, points: Points, own: Own) -> Array:
    """The posterior covariance (m, k) of points with own rows, these at their size."""
    between = process.carried.kernel(points)
    found = kernel(points, own.rows.points, process.amplitudes)
    return (found - process.carried.explained(between, own.between)) * own.size


def joint_covariance(
    process: Process, points: Points, expected: Array, own: Own | None = None
) -> Array:
    """The covariance (m, m) of what errors at points of one source share, no scatter, where
    errors of a size (m,) are expected."""
    between = process.carried.kernel(points)
    found = kernel(points, points, process.amplitudes)
    found -= process.carried.explained(between, between)
    size = resizing(expected, found.diagonal())
    found = found * np.outer(size, size)
    if own is not None:
        shared = _shared(process, points, own) * size[:, None]
        found = found - shared @ own.inverse @ shared.T
    return 0.5 * (found + found.T)
