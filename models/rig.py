"""What a few rows of one rig say of its others: errors as shares of the size expected of them.

A process says how errors on a rig go together, the scale model how large they are; so the process's
covariance is resized to that. Rows of one rig that are described alike differ by more than their
repeats do, and now and then by far (several programs under one name), so they scatter with a
Student law: a row that contradicts the others is believed less. All of them together are believed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.rows import NOISE_CLEAN, noise_share

Array = NDArray[np.float64]

# The variance that the errors on one rig share, in squares of their expected size.
SHARED = 0.5
# Degrees of freedom of the scatter: the usual ones of robust regression (Lange et al. 1989).
FREEDOM = 4.0
_ITERATIONS = 10
# The median of the square of a standard normal.
_MEDIAN = 0.455


def resizing(expected: Array, latent: Array) -> Array:
    """What the process at points (..., k) of latent variance is multiplied by, so that it has the
    size of expected errors (..., k); 0 where it has no variance (bare metal)."""
    root = np.sqrt(np.maximum(latent, 0.0))
    size = np.sqrt(SHARED) * expected
    return np.divide(size, root, out=np.zeros_like(size), where=root > 0)


def scatter_variance(
    scatter: float, expected: Array, noise: Array | None = None, log_prior: Array | None = None
) -> Array:
    """The variance (..., k) of rows about what their rig shares: `scatter` in squares of the
    expected size, and what the rows' noise has beyond that of a clean measurement."""
    found = scatter * expected**2
    if noise is None or log_prior is None:
        return found
    return found + np.maximum(noise - (NOISE_CLEAN * noise_share(log_prior)) ** 2, 0.0)


def heavy_tailed(shared: Array, scatter: Array, error: Array) -> Array:
    """The variance (..., k) that each row's scatter turns out to have, given errors (..., k) whose
    shared covariance is (..., k, k): expectation-maximisation of the Student law."""
    # A rig whose typical row errs more than expected is another rig, not a set of odd rows.
    whole = np.diagonal(shared, axis1=-2, axis2=-1) + scatter
    typical = np.median(error**2 / whole, axis=-1, keepdims=True) / _MEDIAN
    error = error / np.sqrt(np.maximum(typical, 1.0))
    found = scatter
    for _ in range(_ITERATIONS):
        left = found * np.linalg.solve(with_diagonal(shared, found), error[..., None])[..., 0]
        found = scatter * (FREEDOM + left**2 / scatter) / (FREEDOM + 1.0)
    return found


def believed(scatter: Array) -> Array:
    """What heavy_tailed gives a row of some scatter (..., k) that shows what was said of it."""
    return scatter * FREEDOM / (FREEDOM + 1.0)


def with_diagonal(covariance: Array, added: Array) -> Array:
    """A covariance (..., k, k) with variances (..., k) added."""
    return covariance + added[..., None] * np.eye(added.shape[-1])
