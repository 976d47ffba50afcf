"""The posterior of the residual, for a source never seen or for one with a few rows of its own.

A caller's own rows share one new source. They move the fitted process by a rank-k update: the
training rows' precision stays as it is, and only a k x k matrix is inverted for each request. How
large errors are on a new rig, and how rows scatter there, is models.rig's to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.encoder import encoded_base, encoded_log_prior
from features.scenario import RESOURCE_CLASSES, Scenario, resource_class
from models.gaussian import cross_terms, row_terms
from models.kernel import Amplitudes, Codes, Points, combine, kernel_terms, self_variance
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
    """A fitted process: n rows, their precision (n, n), and what it learned of them (n,)."""

    @property
    def rows(self) -> Rows: ...
    @property
    def amplitudes(self) -> Amplitudes: ...
    @property
    def precision(self) -> Array: ...
    @property
    def learned(self) -> Array: ...


def own_source(rows: Rows) -> int:
    """The code of a source that none of the rows has."""
    return int(rows.points.source.max(initial=-1)) + 1


@dataclass(frozen=True)
class Own:
    """k rows of one new source, conditioned on. seen: (k, n) their kernel with the training rows
    times the precision; size: (k,) what the process is multiplied by at them; scatter: of a row
    about its rig, in squares of the expected error; inverse: (k, k) their precision given the
    training rows; alpha: (k,)."""

    rows: Rows
    seen: Array
    size: Array
    scatter: float
    inverse: Array
    alpha: Array

    def __len__(self) -> int:
        return len(self.rows)


def condition(process: Process, rows: Rows, expected: Array, scatter: float) -> Own:
    """Condition a process on rows (k) of one source that it has not seen, without baselines, of
    an expected size of error (k,) each.

    Raises ValueError when a row is a difference: only rows against bare metal are conditioned on.
    """
    if len(rows.baseline):
        raise ValueError("own rows are measured against bare metal")
    with_training = _kernel(rows.points, process.rows, process.amplitudes)
    seen = with_training @ process.precision
    _, latent = combine(row_terms(rows, process.amplitudes), process.amplitudes)
    latent = latent - seen @ with_training.T
    latent = 0.5 * (latent + latent.T)
    size = resizing(expected, latent.diagonal())
    # What own rows correct is what would have been said without them, its limit included.
    said = np.minimum(with_training @ process.learned, residual_limit(rows.log_prior))
    error = rows.residual - said
    shared = latent * np.outer(size, size)
    clean = scatter_variance(scatter, expected, rows.noise, rows.log_prior)
    covariance = with_diagonal(shared, heavy_tailed(shared, clean, error))
    inverse: Array = np.linalg.inv(covariance).astype(float)
    return Own(rows, seen, size, scatter, inverse, inverse @ error)


@dataclass(frozen=True)
class Posterior:
    """What m points are said to be.

    mean: (m,) of the log residual; variance: (m,) of a measurement before own rows, latent: (m,)
    that without its noise; carried: (m,) the share of the carried-over variance that is left;
    narrowed: (m,) the standard deviation after own rows over that before; weights: (m, n + k) of
    the training rows and own rows in the mean; pull: (n + k,) how far a unit of weight on a row
    moved the mean.
    """

    mean: Array
    variance: Array
    latent: Array
    carried: Array
    narrowed: Array
    weights: Array
    pull: Array

    def without(self, point: int, row: int) -> float:
        """The mean at a point if a row (training rows first, then own) had not been there, own
        rows being believed as they are."""
        return float(self.mean[point] - self.weights[point, row] * self.pull[row])


def posterior(process: Process, points: Points) -> Posterior:
    """The posterior at points (m) of a source that the training rows do not have."""
    amplitudes, precision = process.amplitudes, process.precision
    with_training = _kernel(points, process.rows, amplitudes)
    weights = with_training @ precision
    carried_over, whole = self_variance(points.encoding, amplitudes)
    left = np.clip(carried_over - np.einsum("ij,ij->i", weights, with_training), 0.0, None)
    share = np.divide(left, carried_over, out=np.zeros_like(left), where=carried_over > 0)
    noise = (NOISE_CLEAN * noise_share(encoded_log_prior(points.encoding))) ** 2
    latent = left + (whole - carried_over)
    limit = residual_limit(encoded_base(points.encoding))
    mean = np.minimum(with_training @ process.learned, limit)
    pull = process.learned / precision.diagonal()
    return Posterior(mean, latent + noise, latent, share, np.ones(len(mean)), weights, pull)


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
        weights=np.hstack([before.weights - gain @ own.seen, gain]),
        pull=np.concatenate([before.pull, own.alpha / own.inverse.diagonal()]),
    )


def rig_variance(expected: Array, scatter: float) -> Array:
    """The variance (m,) of a clean measurement on a rig before own rows, in log retained."""
    return SHARED * expected**2 + scatter_variance(scatter, expected)


def _shared(process: Process, points: Points, own: Own) -> Array:
    """The posterior covariance (m, k) of points with own rows, these at their size."""
    with_training = _kernel(points, process.rows, process.amplitudes)
    found = _kernel(points, own.rows, process.amplitudes) - with_training @ own.seen.T
    return found * own.size


def _kernel(points: Points, rows: Rows, amplitudes: Amplitudes) -> Array:
    """The whole kernel (m, n) between points and rows."""
    return combine(cross_terms(points, rows, amplitudes), amplitudes)[1]


def joint_covariance(
    process: Process, points: Points, expected: Array, own: Own | None = None
) -> Array:
    """The covariance (m, m) of what errors at points of one source share, no scatter, where
    errors of a size (m,) are expected."""
    with_training = _kernel(points, process.rows, process.amplitudes)
    _, found = combine(kernel_terms(points, points, process.amplitudes), process.amplitudes)
    found = found - with_training @ process.precision @ with_training.T
    size = resizing(expected, found.diagonal())
    found = found * np.outer(size, size)
    if own is not None:
        shared = _shared(process, points, own) * size[:, None]
        found = found - shared @ own.inverse @ shared.T
    return 0.5 * (found + found.T)
