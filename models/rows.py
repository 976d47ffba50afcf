"""Training rows as arrays: what an estimator is fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants
from features.encoder import encode, encoded_log_prior
from features.integration import ExpectedPrior
from features.scenario import RESOURCE_CLASSES, Scenario
from models.kernel import Codes, Points

Array = NDArray[np.float64]


class Row(Protocol):
    """What a measurement must have to be learned from."""

    @property
    def scenario(self) -> Scenario: ...
    @property
    def baseline(self) -> Scenario | None: ...
    @property
    def retained(self) -> float: ...
    @property
    def spread(self) -> float | None: ...
    @property
    def repeats(self) -> int | None: ...
    @property
    def origin(self) -> str: ...
    @property
    def resource(self) -> str: ...
    @property
    def caution(self) -> str: ...


@dataclass(frozen=True)
class Rows:
    """n measurements. A row measured against another runtime than bare metal is a difference:
    `baseline` (m,) holds the rows' numbers, `baseline_points` their m baseline scenarios.

    points: (n) scenarios; residual: (n,) log retained less the prior's; log_prior: (n,);
    host_spread: (n,); noise: (n,) variances; group: (n,) codes of what is left out together.
    """

    points: Points
    baseline: Codes
    baseline_points: Points
    log_retained: Array
    log_prior: Array
    host_spread: Array
    noise: Array
    group: Codes

    def __len__(self) -> int:
        return len(self.points)

    @property
    def residual(self) -> Array:
        """What the regressor learns."""
        return self.log_retained - self.log_prior

    def limit_of(self, log_prior: Array) -> Array:
        """Upper limit (n,) of what may be predicted of the residual from a log prior (n,) of the
        rows; none for a difference."""
        limit = residual_limit(log_prior)
        limit[self.baseline] = np.inf
        return limit

    def take(self, index: NDArray) -> Rows:
        """The rows of `index` (positions), with their baselines."""
        index = np.asarray(index)
        place = np.full(len(self), -1)
        place[index] = np.arange(len(index))
        kept = place[self.baseline] >= 0
        return Rows(
            self.points.take(index),
            place[self.baseline[kept]],
            self.baseline_points.take(np.flatnonzero(kept)),
            self.log_retained[index],
            self.log_prior[index],
            self.host_spread[index],
            self.noise[index],
            self.group[index],
        )


def residual_limit(log_prior: Array) -> Array:
    """Nothing is predicted to keep more than it had, unless the physics itself says so (n,)."""
    return np.maximum(-log_prior, 0.0)


# Standard deviations of log retained: of a clean measurement, of one under a caution, of a cell
# of the reference, of a synthetic row. A row without a measurement never outweighs one with; the
# reference and the ranges behind synthetic rows already speak through the prior's constants.
NOISE_CLEAN = 0.1
NOISE_CAUTION = 0.35
NOISE_REFERENCE = 1.0
NOISE_SYNTHETIC = 2.0


def noise_share(log_prior: Array) -> Array:
    """How much of the noise a row has (n,): a small loss is repeated more closely than a large."""
    return np.minimum(0.3 + np.abs(log_prior), 1.0)


def noise_variance(rows: Sequence[Row], log_prior: Array) -> Array:
    """Noise variance (n,) of log retained from origin, caution, spread and repeats."""
    return noise_of(
        np.array([row.origin for row in rows]),
        np.array([bool(row.caution) for row in rows]),
        np.array([row.spread or 0.0 for row in rows]),
        np.array([row.repeats or 1 for row in rows]),
        log_prior,
    )


def noise_of(
    origin: NDArray, caution: NDArray[np.bool_], spread: Array, repeats: NDArray, log_prior: Array
) -> Array:
    """The same from columns (n,): `spread` 0 and `repeats` 1 where they are not known."""
    floor = np.where(caution, NOISE_CAUTION, NOISE_CLEAN)
    floor = np.where(origin == "reference", NOISE_REFERENCE, floor)
    floor = np.where(origin == "synthetic", NOISE_SYNTHETIC, floor)
    spread = np.minimum(spread, 1.0)
    found: Array = (floor**2 + spread**2 / np.maximum(repeats, 1)) * noise_share(log_prior) ** 2
    return found


def encoded_rows(
    encoded: tuple[Array, ExpectedPrior],
    held: tuple[Array, ExpectedPrior] | None,
    baseline: Codes,
    source: Codes,
    resource: Codes,
    log_retained: Array,
    noise: Callable[[Array], Array],
    group: Codes,
) -> Rows:
    """Rows (n) from encoding and prior of their scenarios and of what `baseline` (m,) of them were
    compared with (m), None where that is bare metal for all. `noise` gives the variance (n,) of a
    log prior by the reference (n,), of the difference where a row is one."""
    encoding, prior = encoded
    log_prior, spread = prior.log_retained.copy(), prior.host_spread.copy()
    loss = encoded_log_prior(encoding)
    beneath = np.zeros((0, encoding.shape[1]))
    if held is not None:
        beneath, base_prior = held
        log_prior[baseline] -= base_prior.log_retained
        loss[baseline] -= encoded_log_prior(beneath)
        spread[baseline] = np.abs(spread[baseline] - base_prior.host_spread)
    return Rows(
        Points(encoding, source, resource),
        baseline,
        Points(beneath, source[baseline], resource[baseline]),
        log_retained,
        log_prior,
        spread,
        noise(loss),
        group,
    )


def make_rows(
    rows: Sequence[Row],
    sources: Sequence[int],
    groups: Sequence[int],
    values: Constants | None = None,
) -> Rows:
    """Encode measurements; `sources` and `groups` are their codes, `values` the constants of the
    prior that their residual is added to. Their noise is by the reference's prior."""
    held = [(i, r.baseline) for i, r in enumerate(rows) if r.baseline is not None]
    held = [(i, b) for i, b in held if b.runtime != "native"]
    return encoded_rows(
        encode([r.scenario for r in rows], values),
        encode([b for _, b in held], values) if held else None,
        np.array([i for i, _ in held], dtype=np.int64),
        np.asarray(sources, dtype=np.int64),
        np.array([RESOURCE_CLASSES.index(r.resource) for r in rows]),
        np.log(np.array([r.retained for r in rows])),
        lambda loss: noise_variance(rows, loss),
        np.asarray(groups, dtype=np.int64),
    )
