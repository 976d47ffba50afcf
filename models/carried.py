"""What the training rows say of a source that none of them has, point by point.

Only what carries over between sources speaks there, and it reads few columns of the encoding: the
names alone where the RBF terms take no part. So the rows are collapsed to the points that differ
in those columns, and what is said of one point holds for all scenarios that share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.kept import Kept
from models.kernel import Amplitudes, Points, carried_columns, kernel, self_variance
from models.rows import Rows

Array = NDArray[np.float64]

# Points that are kept where names alone tell them apart: all runtimes with all workloads.
_KEPT = 2048
# Points that are worked out at once: their kernel stays in the caches.
_TOGETHER = 512
# How many of the largest weights are told.
LARGEST = 20
# Weights that differ by less are of one size: which comes first is not left to rounding.
_SAME_SIZE = 1e-9


@dataclass(frozen=True, eq=False)
class Said:
    """What n rows say of one point: the mean of its log residual, the carried-over variance that
    they leave and its share of all of it, and their weights (n,)."""

    mean: float
    left: float
    share: float
    weights: Array

    @cached_property
    def largest(self) -> list[tuple[int, float]]:
        """Rows of the largest weights, largest first, with their shares of all weights."""
        return largest_weights(self.weights)


class Levels(NamedTuple):
    """Of points (m,): the mean of the log residual, the carried-over variance that is left, and
    its share of all of it."""

    mean: Array
    left: Array
    share: Array


def largest_weights(weights: Array) -> list[tuple[int, float]]:
    """Numbers and shares of the largest of weights (n,); of one size the first comes first."""
    size = np.abs(weights)
    total = size.sum()
    if total <= 0.0:
        return []
    most = min(LARGEST, len(size))
    least = np.partition(size, -most)[-most]
    places = np.flatnonzero(size >= least * (1.0 - _SAME_SIZE))
    places = places[np.argsort(-np.round(size[places] / total, 12), kind="stable")][:most]
    return list(zip(places.tolist(), (size[places] / total).tolist(), strict=True))


class Carried:
    """A fitted process (n rows) as it speaks of other sources, over its u distinct points."""

    def __init__(self, rows: Rows, amplitudes: Amplitudes, precision: Array, learned: Array):
        self._amplitudes = amplitudes
        self._columns = carried_columns(amplitudes)
        everywhere = np.vstack([rows.points.encoding, rows.baseline_points.encoding])
        _, first, place = np.unique(
            everywhere[:, self._columns], axis=0, return_index=True, return_inverse=True
        )
        place = place.reshape(-1)
        self._points = _nowhere(everywhere[first])
        # A row is its point, less that of its baseline where it is a difference.
        collapse = np.zeros((len(rows), len(first)))
        collapse[np.arange(len(rows)), place[: len(rows)]] = 1.0
        collapse[rows.baseline, place[len(rows) :]] -= 1.0
        self._weights = np.ascontiguousarray(collapse.T @ precision)
        self._precision = self._weights @ collapse
        self._mean = collapse.T @ learned
        names_alone = len(self._columns) == len(carried_columns(_NAMES_ALONE))
        self._kept: Kept[Said] = Kept(_KEPT if names_alone else 0)

    def kernel(self, points: Points) -> Array:
        """What carries over between points (m) and the distinct ones (m, u)."""
        return kernel(points, self._points, self._amplitudes, within=False)

    def mean(self, between: Array) -> Array:
        """The mean (m,) of the log residual, of a kernel (m, u)."""
        return between @ self._mean

    def weights(self, between: Array) -> Array:
        """The rows' weights (m, n), of a kernel (m, u)."""
        return between @ self._weights

    def explained(self, between: Array, other: Array) -> Array:
        """The covariance (m, k) that the rows explain, of kernels (m, u) and (k, u)."""
        return between @ self._precision @ other.T

    def said(self, points: Points) -> list[Said]:
        """What the rows say of points (m); one object for those that they do not tell apart."""
        asked = points.encoding[:, self._columns]
        keys = [row.tobytes() for row in asked]
        return self._kept.of(keys, lambda new: self._said(points.take(np.array(new))))

    def levels(self, points: Points) -> Levels:
        """What the rows say of points (m) without their weights, which of many are much to hold."""
        asked = points.encoding[:, self._columns]
        places: dict[bytes, int] = {}
        place = np.array([places.setdefault(row.tobytes(), len(places)) for row in asked])
        first = np.unique(place, return_index=True)[1]
        parts = []
        for start in range(0, len(first), _TOGETHER):
            some = points.take(first[start : start + _TOGETHER])
            parts.append(self._levels(some, self.kernel(some)))
        return Levels(*(np.concatenate(each)[place] for each in zip(*parts, strict=True)))

    def _levels(self, points: Points, between: Array) -> Levels:
        explained = np.einsum("ij,ij->i", between @ self._precision, between)
        carried_over, _ = self_variance(points.encoding, self._amplitudes)
        left = np.maximum(carried_over - explained, 0.0)
        share = np.divide(left, carried_over, out=np.zeros_like(left), where=carried_over > 0)
        return Levels(self.mean(between), left, share)

    def _said(self, points: Points) -> list[Said]:
        between = self.kernel(points)
        mean, left, share = (each.tolist() for each in self._levels(points, between))
        told = zip(mean, left, share, self.weights(between), strict=True)
        return [Said(*mine) for mine in told]


_NAMES_ALONE = Amplitudes(mechanisms=0.0, points=0.0, parts=0.0)


def _nowhere(encoding: Array) -> Points:
    """Points of no source."""
    none = np.full(len(encoding), -1)
    return Points(encoding, none, none)
