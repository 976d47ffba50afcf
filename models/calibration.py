"""Intervals that keep their promise on a source never seen: a model of the residual's scale, then
a conformal quantile over sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.encoder import names_of

Array = NDArray[np.float64]

_RUNTIMES = len(names_of("runtime"))
_FAMILIES = len(names_of("family"))
# The size of an error is held between these, in log retained.
_SMALLEST, _LARGEST = 0.02, 3.0
_LOG_SMALLEST, _LOG_LARGEST = np.log([_SMALLEST, _LARGEST])
_RIDGE = 6.0
_EXTRA_GROUPS = 1.0
_CEILING_SHARE = 0.985


def scale_features(encoding: Array, log_prior: Array, variance: Array, host_spread: Array) -> Array:
    """What the size of an error may depend on: (n, 5 + runtimes + families)."""
    depth = np.minimum(np.abs(log_prior), 4.0)
    features = np.zeros((len(encoding), 5 + _RUNTIMES + _FAMILIES))
    features[:, 0] = 1.0
    features[:, 1] = 0.5 * np.log(variance)
    features[:, 2] = depth
    features[:, 3] = np.sqrt(depth)
    features[:, 4] = np.minimum(host_spread, 1.0)
    each = np.arange(len(encoding))
    features[each, 5 + encoding[:, 0].astype(int)] = 1.0
    features[each, 5 + _RUNTIMES + encoding[:, 1].astype(int)] = 1.0
    return features


def group_weights(group: NDArray) -> Array:
    """Weights (n,), summing to 1: half of them equal by row, half equal by group."""
    _, place, size = np.unique(group, return_inverse=True, return_counts=True)
    return 0.5 / len(group) + 0.5 / (len(size) * size[place])


@dataclass(frozen=True)
class Bounds:
    """How far below and above a prediction of log retained its interval reaches: (n,) each."""

    below: Array
    above: Array

    def holds(self, error: Array) -> NDArray[np.bool_]:
        """Whether observed less predicted (n,) lies inside."""
        return (error >= -self.below) & (error <= self.above)


@dataclass(frozen=True)
class Calibration:
    """A fitted scale model and the conformal scores it left.

    coefficients: (5 + runtimes + families,); scores: sorted error / scale (m,) with their sign,
    and their cumulative weights (m,); ceiling: log retained that hardly any measurement passes.
    """

    coefficients: Array
    scores: Array
    cumulative: Array
    ceiling: float

    def scale(self, features: Array) -> Array:
        """Expected size of the error (n,) in log retained."""
        return _scale(features, self.coefficients)

    def quantile(self, share: float) -> float:
        """The multiple of the scale below which `share` of new rows of new sources lie."""
        place = int(self.cumulative.searchsorted(share))
        return float(self.scores[min(place, len(self.scores) - 1)])

    def bounds(self, expected: Array, predicted: Array, level: float) -> Bounds:
        """The interval of `level` about predicted log retained (n,), each side its own quantile
        of an expected size of error (n,).

        It ends at the ceiling: little keeps more than it had.
        """
        below = max(-self.quantile((1.0 - level) / 2.0), 0.0) * expected
        above = max(self.quantile((1.0 + level) / 2.0), 0.0) * expected
        return Bounds(below, np.minimum(above, np.maximum(self.ceiling - predicted, _SMALLEST)))


def calibrate(features: Array, error: Array, group: NDArray, observed: Array) -> Calibration:
    """Fit the scale model to leave-out errors (n,) and take its conformal scores.

    Each group's scores are taken from a scale model fitted without it, so that they are as large
    as those of a source never seen. The correction of split conformal prediction for a finite
    sample is that of one more group, at both infinities, of a mean group's weight. `observed` is
    log retained (n,), whose upper end sets the ceiling.
    """
    weight = group_weights(group)
    groups = np.unique(group)
    scores = np.empty(len(error))
    for g in groups:
        mine = group == g
        apart = ~mine if len(groups) > 1 else mine
        fitted = _fit_scale(features[apart], error[apart], weight[apart])
        scores[mine] = error[mine] / _scale(features[mine], fitted)
    ordered, cumulative = conformal(scores, weight, len(groups))
    up = np.argsort(observed)
    top = np.searchsorted(np.cumsum(weight[up]), _CEILING_SHARE)
    return Calibration(
        _fit_scale(features, error, weight),
        ordered,
        cumulative,
        float(observed[up][min(int(top), len(up) - 1)]),
    )


def conformal(scores: Array, weight: Array, groups: int) -> tuple[Array, Array]:
    """Scores (m,) in order, and their cumulative weights with one more group at both infinities.

    `weight` (m,) sums to 1.
    """
    order = np.argsort(scores)
    extra = _EXTRA_GROUPS / groups
    return scores[order], (np.cumsum(weight[order]) + 0.5 * extra) / (1.0 + extra)


def _scale(features: Array, coefficients: Array) -> Array:
    size = np.maximum(features @ coefficients, _LOG_SMALLEST)
    scale: Array = np.exp(np.minimum(size, _LOG_LARGEST))
    return scale


def _fit_scale(features: Array, error: Array, weight: Array) -> Array:
    """Ridge regression of the logarithm of the error's size, by weights (n,)."""
    target = np.log(np.abs(error) + _SMALLEST)
    root = np.sqrt(weight / weight.mean())
    penalty = np.full(features.shape[1], _RIDGE)
    penalty[0] = 1e-6
    rows = features * root[:, None]
    return np.linalg.solve(rows.T @ rows + np.diag(penalty), rows.T @ (target * root))
