"""How new a row is: the part of its expected error that comes from nobody having measured the like.

What is left of the variance that carries over between sources counts how much was measured, not
how well it agrees: interpreters of WebAssembly are measured by many and err most. So what is
unknown is told as a share of the error that the scale model expects. A measurement with other
mechanisms teaches the less, the further they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.gaussian import row_terms
from models.kept import Kept
from models.kernel import Amplitudes, Terms, combine, mechanism_columns, near_mechanisms
from models.rows import Rows
from models.selection import Candidate, LeaveOut

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Runtimes with mechanisms that are kept.
_KEPT = 4096


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


def nearness(encoding: Array, measured: Array, length: float) -> Array:
    """How near (n,) the mechanisms of encoded scenarios (n, ...) are to the nearest measured one
    (m, ...) of the same runtime: 1 the same, 0 none, by the kernel's law of that length."""
    if not len(measured):
        return np.zeros(len(encoding))
    found: Array = near_mechanisms(encoding, measured, length).max(axis=1)
    return found


class Nearest:
    """Measured mechanisms (m, ...) and how near scenarios are to them: see `nearness`."""

    def __init__(self, measured: Array, length: float) -> None:
        self._measured = measured
        self._length = length
        self._kept: Kept[float] = Kept(_KEPT)

    def of(self, encoding: Array, own: Array | None = None) -> Array:
        """nearness (n,) of encoded scenarios (n, ...), to encoded own rows (k, ...) as well.

        Scenarios of the same names are as near, whatever their hosts.
        """
        keys = [sets.tobytes() for sets in mechanism_columns(encoding)]
        near = np.array(self._kept.of(keys, lambda new: self._nearness(encoding[new])), dtype=float)
        return near if own is None else np.maximum(near, nearness(encoding, own, self._length))

    def _nearness(self, encoding: Array) -> list[float]:
        found: list[float] = nearness(encoding, self._measured, self._length).tolist()
        return found


def unknown_error(expected: Array, left: Array, near: Array) -> Array:
    """Novelty (n,), in log retained, of an expected size of error (n,): a standard deviation like
    it, by the share of variance left (n,) where the nearest measurement is `near` (n,)."""
    return expected * np.sqrt(1.0 - (1.0 - left) * near)


def left_out_nearness(rows: Rows, measured: Flags, length: float) -> Array:
    """nearness (n,) of each row to the measured rows of other groups."""
    found = np.zeros(len(rows))
    encoding = rows.points.encoding
    for group in np.unique(rows.group):
        mine = rows.group == group
        found[mine] = nearness(encoding[mine], encoding[measured & ~mine], length)
    return found


def nested_novelty(
    rows: Rows,
    candidates: Sequence[Candidate],
    chosen: Mapping[int, int],
    expected: Array,
    measured: Flags,
) -> Array:
    """unknown_error (n,) of each group under the candidate chosen for it, of an expected size of
    error (n,) that has not seen it either; NaN where none was chosen."""
    found = np.full(len(rows), np.nan)
    known: dict[int, Array] = {}
    terms = diagonal_terms(rows, candidates[0].amplitudes)
    near = left_out_nearness(rows, measured, candidates[0].amplitudes.mechanism_length)
    for group, best in chosen.items():
        if best not in known:
            candidate = candidates[best]
            left = variance_left(rows, candidate.single, candidate.amplitudes, terms)
            known[best] = unknown_error(expected, left, near)
        mine = rows.group == group
        found[mine] = known[best][mine]
    return found
