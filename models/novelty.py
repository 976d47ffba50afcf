"""How much of what carries over between sources is still unknown of a row: what novelty counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.gaussian import row_terms
from models.kernel import Amplitudes, Terms, combine
from models.rows import Rows
from models.selection import Candidate, LeaveOut

Array = NDArray[np.float64]


def diagonal_terms(rows: Rows, lengths: Amplitudes) -> Terms:
    """The kernel's unit terms of each row with itself (n,), of differences where rows are."""
    terms = row_terms(rows, lengths)
    return Terms(
        {k: v.diagonal() for k, v in terms.general.items()},
        {k: v.diagonal() for k, v in terms.local.items()},
    )


def variance_left(
    rows: Rows, answer: LeaveOut, amplitudes: Amplitudes, terms: Terms | None = None
) -> Array:
    """The share (n,) of carried-over variance that a leave-out answer leaves: 0 known, 1 unknown.

    `terms` are diagonal_terms of the same rows, worked out when not given. A row without any such
    variance (bare metal) has none left.
    """
    general, whole = combine(terms or diagonal_terms(rows, amplitudes), amplitudes)
    left = answer.variance - rows.noise - (whole - general)
    share = np.divide(left, general, out=np.zeros_like(left), where=general > 0)
    return np.clip(share, 0.0, 1.0)


def nested_variance_left(
    rows: Rows, candidates: Sequence[Candidate], chosen: Mapping[int, int]
) -> Array:
    """variance_left (n,) of each group under the candidate chosen for it; NaN where none was."""
    found = np.full(len(rows), np.nan)
    shares: dict[int, Array] = {}
    terms = diagonal_terms(rows, candidates[0].amplitudes)
    for group, best in chosen.items():
        if best not in shares:
            candidate = candidates[best]
            shares[best] = variance_left(rows, candidate.single, candidate.amplitudes, terms)
        mine = rows.group == group
        found[mine] = shares[best][mine]
    return found
