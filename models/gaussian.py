"""The kernel between points and rows that may be differences. Prediction needs no more than it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.kernel import Amplitudes, Points, Terms, kernel_terms
from models.rows import Rows

Array = NDArray[np.float64]


def row_terms(rows: Rows, lengths: Amplitudes) -> Terms:
    """The kernel's unit terms between n rows: of f(x) - f(baseline) where a row is a difference."""
    whole = kernel_terms(rows.points, rows.points, lengths)
    if not len(rows.baseline):
        return whole
    cross = kernel_terms(rows.points, rows.baseline_points, lengths)
    base = kernel_terms(rows.baseline_points, rows.baseline_points, lengths)
    return Terms(
        _differences(rows.baseline, whole.general, cross.general, base.general),
        _differences(rows.baseline, whole.local, cross.local, base.local),
    )


def _differences(
    held: NDArray, whole: Mapping[str, Array], cross: Mapping[str, Array], base: Mapping[str, Array]
) -> dict[str, Array]:
    out = {}
    for name in whole:
        k = whole[name].astype(float)
        k[:, held] -= cross[name]
        k[held, :] -= cross[name].T
        k[np.ix_(held, held)] += base[name]
        out[name] = k
    return out


def cross_terms(points: Points, rows: Rows, lengths: Amplitudes) -> Terms:
    """The kernel's unit terms between points (m) and rows (n): each (m, n)."""
    whole = kernel_terms(points, rows.points, lengths)
    if not len(rows.baseline):
        return whole
    base = kernel_terms(points, rows.baseline_points, lengths)

    def less(a: Mapping[str, Array], b: Mapping[str, Array]) -> dict[str, Array]:
        out = {}
        for name in a:
            k = a[name].astype(float)
            k[:, rows.baseline] -= b[name]
            out[name] = k
        return out

    return Terms(less(whole.general, base.general), less(whole.local, base.local))
