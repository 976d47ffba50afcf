"""Inverting the rows' covariance once; every leave-out answer follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky

from models.kernel import Amplitudes, Terms, combine

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """The inverse covariance (n, n) of the rows, alpha = C^-1 y, and the covariance's diagonal."""

    precision: Array
    alpha: Array
    diagonal: Array


def solve(terms: Terms, amplitudes: Amplitudes, noise: Array, target: Array) -> Solution:
    """Invert the rows' covariance once; every leave-out answer follows from it.

    Raises numpy.linalg.LinAlgError when the covariance is not positive definite.
    """
    _, covariance = combine(terms, amplitudes)
    covariance[np.diag_indices_from(covariance)] += noise
    lower = cholesky(covariance, lower=True, check_finite=False)
    precision = cho_solve((lower, True), np.eye(len(covariance)), check_finite=False)
    return Solution(precision, precision @ target, covariance.diagonal().copy())
