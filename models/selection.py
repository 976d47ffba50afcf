"""Choosing amplitudes by leave-one-source-out, nested, in closed form: one Cholesky factor a
candidate serves every source left out, and every pair of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.gaussian import row_terms
from models.kernel import Amplitudes, combine
from models.rows import Rows
from models.sensitivity import Adaptation, LeftOut, RowPrior
from models.solving import solve

Array = NDArray[np.float64]

# What is tried: three sizes of what carries over to a new source, two of what stays within one,
# and whether the RBF terms take part beside the hierarchy of names. Few and small on purpose;
# marginal likelihood and wide searches overfit the sources.
CANDIDATES: tuple[Amplitudes, ...] = tuple(
    replace(Amplitudes().scaled(general, local), **terms)
    for general, local in ((0.5, 0.7), (1.0, 1.0), (1.6, 1.6))
    for terms in ({}, {"mechanisms": 0.0, "parts": 0.0, "points": 0.0})
)


@dataclass(frozen=True)
class LeaveOut:
    """Leave-out predictions of n residuals: their mean and variance (n,)."""

    mean: Array
    variance: Array

    def error(self, rows: Rows) -> Array:
        """Observed less predicted log retained (n,)."""
        return rows.residual - self.mean


@dataclass(frozen=True)
class Candidate:
    """One candidate's answers.

    single: each group predicted from all others; without[g]: each other group predicted from
    all but itself and g (NaN on g's own rows), which is all that may be seen when g is scored.
    """

    amplitudes: Amplitudes
    single: LeaveOut
    without: dict[int, LeaveOut]


# How far constants may move: the standard deviation of their position between the ends of a range.
# Sources pull further than is true of the next one.
SPREAD = 0.2


def score(error: Array, group: NDArray) -> float:
    """What is minimised: mean absolute error by row and by group, averaged."""
    size = np.abs(error)
    by_group = [size[group == g].mean() for g in np.unique(group)]
    return 0.5 * float(size.mean()) + 0.5 * float(np.mean(by_group))


def leave_out_candidates(
    rows: Rows,
    candidates: Sequence[Amplitudes] = CANDIDATES,
    *,
    pairs: bool = True,
    prior: RowPrior | None = None,
    learned: Adaptation | None = None,
    progress: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Leave-one-group-out of each candidate and, with `pairs`, leave-two-out.

    With `prior` (of the same rows) its constants are learned from the rows that are not left out,
    and the residual is that of the prior so moved; `learned` is their adaptation where there is one
    already. `progress` is called after each candidate.
    Raises ValueError with fewer than three groups.
    """
    groups = np.unique(rows.group)
    if len(groups) < 3:
        raise ValueError(f"leave-one-source-out needs 3 sources or more, not {len(groups)}")
    members = {int(g): np.flatnonzero(rows.group == g) for g in groups}
    if learned is None and prior is not None:
        learned = adaptation(rows, prior)
    moved = learned.leave_out(members) if learned else None
    found, terms, lengths = [], None, None
    for amplitudes in candidates:
        here = (amplitudes.mechanism_length, amplitudes.point_length, amplitudes.part_length)
        if terms is None or here != lengths:
            terms, lengths = row_terms(rows, amplitudes), here
        precision = solve(terms, amplitudes, rows.noise, rows.residual).precision
        single = _blocks(precision, rows, members, moved, skip=None)
        without = {}
        if pairs:
            for g, index in members.items():
                lower = np.linalg.solve(precision[np.ix_(index, index)], precision[index])
                rest = precision - precision[:, index] @ lower
                without[g] = _blocks(rest, rows, members, moved, skip=g)
        found.append(Candidate(amplitudes, single, without))
        progress()
    return found


def adaptation(rows: Rows, prior: RowPrior) -> Adaptation:
    """Constants learned from the rows, whose residual has the kernel's own amplitudes."""
    shape = Amplitudes()
    _, covariance = combine(row_terms(rows, shape), shape)
    covariance[np.diag_indices_from(covariance)] += rows.noise
    return Adaptation.learn(prior, SPREAD, covariance, rows.residual)


def _blocks(
    precision: Array,
    rows: Rows,
    members: dict[int, NDArray],
    moved: LeftOut | None,
    skip: int | None,
) -> LeaveOut:
    """Mean and variance of each group's residual, relative to the reference's prior."""
    mean = np.full(len(rows), np.nan)
    variance = np.full(len(rows), np.nan)
    log_prior = rows.log_prior
    for g, index in members.items():
        if g == skip:
            continue
        if moved is not None:
            log_prior = moved.single[g] if skip is None else moved.pair(skip, g)
        target = rows.log_retained - log_prior
        if skip is not None:
            target[members[skip]] = 0.0
        inverse = np.linalg.inv(precision[np.ix_(index, index)])
        seen = target[index] - inverse @ (precision[index] @ target)
        held = np.minimum(seen, rows.limit_of(log_prior)[index])
        mean[index] = held + (log_prior - rows.log_prior)[index]
        variance[index] = np.maximum(inverse.diagonal(), 1e-8)
    return LeaveOut(mean, variance)
