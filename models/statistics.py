"""Sums over rows from which the coefficients of a basis follow: they add up in any order.

A row is y = phi'theta + psi'eta_s + noise, phi the features of what carries over, psi those of what
stays within its source s, all coefficients standard normal beforehand. With w a row's precision
everything that rows say is in the sums of w phi phi', w phi psi', w psi psi', w phi y and w psi y.
A source's own coefficients are summed over in closed form (the block of each source apart from the
others), so what is left is a system as large as the number of centres. Sums are kept by folds of
sources, and y for each fold as those see it who have not seen the fold, so that every fold can be
left out afterwards.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from features.errors import ModelUnavailable
from models.basis import Basis, lost
from models.rows import Rows

Array = NDArray[np.float64]

# Rows whose features are held at once: they stay in the cache.
_BLOCK = 512


@dataclass
class OfSource:
    """The sums of one source: between its features (q) and those of what carries over (m, q), among
    its own (q, q), with its targets (q, t); its fold and how many rows it has."""

    fold: int
    between: Array
    among: Array
    target: Array
    rows: int

    def add(self, other: OfSource) -> None:
        """Add the sums of other rows of the same source."""
        self.between += other.between
        self.among += other.among
        self.target += other.target
        self.rows += other.rows


@dataclass
class Statistics:
    """The sums over rows: of what carries over by fold (folds, m, m), with t targets by fold
    (folds, m, t), each source's own, and the number of rows.

    The first target is the residual under the constants learned from everything, target 1 + f the
    one under those that have not seen fold f.
    """

    among: Array
    target: Array
    rows: int = 0
    sources: dict[int, OfSource] = field(default_factory=dict)

    @classmethod
    def none(cls, basis: Basis, folds: int) -> Statistics:
        """Of no row."""
        m, t = len(basis.general), folds + 1
        return cls(np.zeros((folds, m, m)), np.zeros((folds, m, t)))

    @property
    def folds(self) -> int:
        """How many folds the sources are in."""
        return len(self.among)

    def add(self, other: Statistics) -> None:
        """Add the sums of other rows under the same basis and folds. Raises ValueError."""
        if self.among.shape != other.among.shape:
            raise ValueError("sums of another basis cannot be added")
        self.among += other.among
        self.target += other.target
        self.rows += other.rows
        for source, sums in other.sources.items():
            if source not in self.sources:
                self.sources[source] = OfSource(
                    sums.fold, sums.between.copy(), sums.among.copy(), sums.target.copy(), sums.rows
                )
            elif self.sources[source].fold != sums.fold:
                raise ValueError("a source is in one fold here and in another there")
            else:
                self.sources[source].add(sums)

    def to_bytes(self) -> bytes:
        """As an archive of arrays without pickle."""
        order = list(self.sources)
        arrays = {"among": self.among, "target": self.target}
        arrays["counts"] = np.array(
            [[self.rows, 0, 0]] + [[s, self.sources[s].fold, self.sources[s].rows] for s in order]
        )
        for s in order:
            sums = self.sources[s]
            arrays[f"between{s}"], arrays[f"among{s}"] = sums.between, sums.among
            arrays[f"target{s}"] = sums.target
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Statistics:
        """The inverse of to_bytes. Raises ModelUnavailable when it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                (rows, _, _), *sources = arrays["counts"].tolist()
                found = cls(arrays["among"], arrays["target"], rows)
                for s, fold, count in sources:
                    found.sources[s] = OfSource(
                        fold,
                        arrays[f"between{s}"],
                        arrays[f"among{s}"],
                        arrays[f"target{s}"],
                        count,
                    )
                return found
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise ModelUnavailable(f"the sums over rows are damaged: {error}") from error


def statistics_of(basis: Basis, rows: Rows, targets: Array, folds: int) -> Statistics:
    """The sums of rows (n) whose `group` is their fold, with targets (n, folds + 1)."""
    found = Statistics.none(basis, folds)
    # By source, so that each block holds few of them.
    order = np.argsort(rows.points.source, kind="stable")
    for start in range(0, len(rows), _BLOCK):
        index = order[start : start + _BLOCK]
        _add_block(found, basis, rows.take(index), targets[index])
    return found


def _add_block(found: Statistics, basis: Basis, rows: Rows, targets: Array) -> None:
    carried = basis.carried(rows)
    general, own = basis.variance_of(rows)
    noise = rows.noise + lost(general, carried)
    ends = np.flatnonzero(np.diff(rows.points.source)) + 1
    spans = np.split(np.arange(len(rows)), ends)
    withins: list[Array] = []
    for span in spans:
        within = basis.within(rows.take(span), int(rows.points.source[span[0]]))
        withins.append(within)
        noise[span] += lost(own[span], within)
    root = 1.0 / np.sqrt(noise)
    carried *= root[:, None]
    targets = targets * root[:, None]
    for fold in np.unique(rows.group).tolist():
        mine = rows.group == fold
        part = carried[mine]
        found.among[fold] += part.T @ part
        found.target[fold] += part.T @ targets[mine]
    for span, within in zip(spans, withins, strict=True):
        source = int(rows.points.source[span[0]])
        within = within * root[span, None]
        sums = OfSource(
            int(rows.group[span[0]]),
            carried[span].T @ within,
            within.T @ within,
            within.T @ targets[span],
            len(span),
        )
        if source in found.sources:
            found.sources[source].add(sums)
        else:
            found.sources[source] = sums
    found.rows += len(rows)


@dataclass(frozen=True)
class Solved:
    """The coefficients' posterior: its precision (m, m) and mean (m,), from all rows or from those
    of all folds but one."""

    precision: Array
    mean: Array

    def variance(self, features: Array) -> Array:
        """What is left (n,) of the variance of the functions at features (n, m)."""
        factor = cho_factor(self.precision, lower=True)
        found: Array = np.einsum("ij,ji->i", features, cho_solve(factor, features.T))
        return found

    def explained(self) -> Array:
        """How much (m, m) of the coefficients' variance is gone: 1 less their covariance."""
        values, vectors = np.linalg.eigh(self.precision)
        gone = np.maximum(values - 1.0, 0.0) / np.maximum(values, 1.0)
        explained: Array = (vectors * gone) @ vectors.T
        return explained


def solve_all(sums: Statistics) -> tuple[Solved, list[Solved]]:
    """The posterior from all rows, and from those of all folds but each.

    Precisions are sums of squares and of the identity, and every source's part is at least zero,
    so that no variance can be negative.
    """
    among, target = sums.among.copy(), sums.target.copy()
    for own in sums.sources.values():
        factor = cho_factor(own.among + np.eye(len(own.among)), lower=True)
        among[own.fold] -= own.between @ cho_solve(factor, own.between.T)
        target[own.fold] -= own.between @ cho_solve(factor, own.target)
    among = 0.5 * (among + among.transpose(0, 2, 1))
    whole = among.sum(axis=0)
    right = target.sum(axis=0)
    eye = np.eye(len(whole))
    every = _solved(eye + whole, right[:, 0])
    left_out = [
        _solved(eye + (whole - among[f]), (right - target[f])[:, 1 + f]) for f in range(sums.folds)
    ]
    return every, left_out


def _solved(precision: Array, right: Array) -> Solved:
    return Solved(precision, cho_solve(cho_factor(precision, lower=True), right))
