"""The residual's process on fixed centres: the same kernel, for more rows than can be inverted.

What carries over between sources is a sum of m RBF-kernel functions, one about each centre (F17);
what stays within a source is the same about a few centres of its own, which are its random effects.
Both are whitened, so that their coefficients are independent standard normals beforehand, and what
centres cannot say of a row counts as noise of that row (the FITC approximation; Snelson and
Ghahramani 2006, Quinonero-Candela and Rasmussen 2005). With a centre at every point it is the exact
process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from models.kernel import (
    Amplitudes,
    Points,
    kernel,
    self_variance,
    within_kernel,
    within_variance,
)
from models.rows import Rows

Array = NDArray[np.float64]

CENTRES = 512
# Centres of each source's own, and of all sources together.
LOCAL_CENTRES = 32
ALL_LOCAL_CENTRES = 16_384
# A point of which the centres leave less than this share of the greatest variance gets none.
LEAST_LEFT = 1e-6
_JITTER = 1e-10
_BLOCK = 256


class _Law(NamedTuple):
    """A part of the process: its kernel (n, m) between points, and its variance (n,) at points."""

    kernel: Callable[[Points, Points, Amplitudes], Array]
    variance: Callable[[Points, Amplitudes], Array]


_CARRIED = _Law(
    partial(kernel, within=False),
    lambda points, amplitudes: self_variance(points.encoding, amplitudes)[0],
)
_WITHIN = _Law(within_kernel, within_variance)


@dataclass(frozen=True)
class Centres:
    """Points (k) and the whitening (k, k) that makes their functions independent; `jitter` is what
    was added to their kernel's diagonal, `picked` their places among the points chosen from."""

    points: Points
    whitening: Array
    jitter: float
    picked: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class Basis:
    """m centres of what carries over, and by source's code those of what stays within it."""

    amplitudes: Amplitudes
    general: Centres
    local: Mapping[int, Centres]

    def variance_of(self, rows: Rows) -> tuple[Array, Array]:
        """The variance (n,) of what carries over to rows (n), and of what stays within sources."""
        carried, within = (_variance(law, rows, self.amplitudes) for law in (_CARRIED, _WITHIN))
        return carried, within

    def carried(self, rows: Rows) -> Array:
        """The features (n, m) of what carries over to rows (n)."""
        return _features(_CARRIED, rows, self.general, self.amplitudes)

    def within(self, rows: Rows, source: int) -> Array:
        """The features (n, q) of what stays within a source, of rows (n) of that source alone."""
        centres = self.local.get(source)
        if centres is None:
            return np.zeros((len(rows), 0))
        return _features(_WITHIN, rows, centres, self.amplitudes)


def choose_basis(
    rows: Rows, amplitudes: Amplitudes, *, centres: int = CENTRES, local: int = LOCAL_CENTRES
) -> Basis:
    """Centres chosen among the points of rows (n), at most `centres` of what carries over and
    `local` of each source, those first of which the ones before leave most variance.

    Raises ValueError when no row has any variance.
    """
    everywhere = _latent(rows)
    general = _chosen(_CARRIED, everywhere, amplitudes, centres)
    if not len(general):
        raise ValueError("no row has anything that carries over to another source")
    sources = np.unique(everywhere.source)
    most = max(1, min(local, ALL_LOCAL_CENTRES // max(len(sources), 1)))
    found = {}
    for source in sources.tolist():
        mine = np.flatnonzero(everywhere.source == source)
        picked = _chosen(_WITHIN, everywhere.take(mine), amplitudes, most)
        if len(picked):
            found[int(source)] = picked
    return Basis(amplitudes, general, found)


def row_of_centre(rows: Rows, place: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows (k,) that latent points belong to, as a point or as what it is compared with."""
    return np.concatenate([np.arange(len(rows)), rows.baseline])[place]


def _latent(rows: Rows) -> Points:
    """The points of rows and after them those of their baselines."""
    a, b = rows.points, rows.baseline_points
    return Points(
        np.vstack([a.encoding, b.encoding]),
        np.concatenate([a.source, b.source]),
        np.concatenate([a.resource, b.resource]),
    )


def _chosen(law: _Law, points: Points, amplitudes: Amplitudes, most: int) -> Centres:
    """Pivoted Cholesky: each next centre is the point of the greatest variance left."""
    left = law.variance(points, amplitudes)
    least = LEAST_LEFT * left.max(initial=0.0)
    factor = np.zeros((min(most, len(points)), len(points)))
    picked: list[int] = []
    while len(picked) < len(factor):
        i = int(np.argmax(left))
        if left[i] <= least:
            break
        done = len(picked)
        row = law.kernel(points.take(np.array([i])), points, amplitudes)[0]
        factor[done] = (row - factor[:done, i] @ factor[:done]) / np.sqrt(left[i])
        left = np.maximum(left - factor[done] ** 2, 0.0)
        left[i] = 0.0
        picked.append(i)
    places = np.array(picked, dtype=np.int64)
    chosen = points.take(places)
    whitening, jitter = _whitening(law.kernel(chosen, chosen, amplitudes))
    return Centres(chosen, whitening, jitter, places)


def _whitening(between: Array) -> tuple[Array, float]:
    """The inverse of the Cholesky factor (k, k) of centres' kernel, and the jitter it took."""
    size = float(between.diagonal().max(initial=0.0))
    jitter = _JITTER * size
    eye = np.eye(len(between))
    while True:
        try:
            lower = np.linalg.cholesky(between + jitter * eye)
            found: Array = solve_triangular(lower, eye, lower=True)
            return found, jitter
        except np.linalg.LinAlgError:
            jitter *= 10.0


def lost(variance: Array, features: Array) -> Array:
    """What of rows' variance (n,) their features (n, k) do not say."""
    left: Array = np.maximum(variance - np.einsum("ij,ij->i", features, features), 0.0)
    return left


def _features(law: _Law, rows: Rows, centres: Centres, amplitudes: Amplitudes) -> Array:
    """A row's functions about the centres, less those of what it is compared with: (n, k)."""
    found = law.kernel(rows.points, centres.points, amplitudes)
    if len(rows.baseline):
        found[rows.baseline] -= law.kernel(rows.baseline_points, centres.points, amplitudes)
    return found @ centres.whitening.T


def _variance(law: _Law, rows: Rows, amplitudes: Amplitudes) -> Array:
    """The variance (n,) of rows, of differences where they are."""
    found = law.variance(rows.points, amplitudes)
    mine, other = rows.points.take(rows.baseline), rows.baseline_points
    shared = np.zeros(len(mine))
    for start in range(0, len(mine), _BLOCK):
        index = np.arange(start, min(start + _BLOCK, len(mine)))
        between = law.kernel(mine.take(index), other.take(index), amplitudes)
        shared[index] = between.diagonal()
    apart = found[rows.baseline] + law.variance(other, amplitudes) - 2.0 * shared
    found[rows.baseline] = np.maximum(apart, 0.0)
    return found
