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
    """One candidate's answers, under constants whose positions may have moved by `spread`.

    single: each group predicted from all others; without[g]: each other group predicted from
    all but itself and g (NaN on g's own rows), which is all that may be seen when g is scored.
    """

    amplitudes: Amplitudes
    spread: float
    single: LeaveOut
    without: dict[int, LeaveOut]


# How far constants may move, as the standard deviation of their position between the ends of a
# range: not at all, or a little. Sources pull further than is true of the next one.
SPREADS = (0.0, 0.2)


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
    spreads: Sequence[float] = SPREADS,
    progress: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Leave-one-group-out of each candidate and, with `pairs`, leave-two-out.

    With `prior`, each amplitude is tried with the constants learned at each of `spreads`, from the
    rows that are not left out. `progress` is called after each amplitude. Raises ValueError with
    fewer than three groups.
    """
    groups = np.unique(rows.group)
    if len(groups) < 3:
        raise ValueError(f"leave-one-source-out needs 3 sources or more, not {len(groups)}")
    members = {int(g): np.flatnonzero(rows.group == g) for g in groups}
    learned = {s: adaptation(rows, prior, s).leave_out(members) for s in spreads if prior and s}
    found, terms, lengths = [], None, None
    for amplitudes in candidates:
        here = (amplitudes.mechanism_length, amplitudes.point_length, amplitudes.part_length)
        if terms is None or here != lengths:
            terms, lengths = row_terms(rows, amplitudes), here
        precision = solve(terms, amplitudes, rows.noise, rows.residual).precision
        priors: list[LeftOut | None] = [None, *learned.values()]
        single = _blocks(precision, rows, members, priors, skip=None)
        without: list[dict[int, LeaveOut]] = [{} for _ in priors]
        for g, index in members.items() if pairs else ():
            lower = np.linalg.solve(precision[np.ix_(index, index)], precision[index])
            rest = precision - precision[:, index] @ lower
            for place, answer in enumerate(_blocks(rest, rows, members, priors, skip=g)):
                without[place][g] = answer
        for place, spread in enumerate((0.0, *learned)):
            found.append(Candidate(amplitudes, spread, single[place], without[place]))
        progress()
    return found


def adaptation(rows: Rows, prior: RowPrior, spread: float) -> Adaptation:
    """Constants learned from the rows, whose residual has the kernel's own amplitudes."""
    shape = Amplitudes()
    _, covariance = combine(row_terms(rows, shape), shape)
    covariance[np.diag_indices_from(covariance)] += rows.noise
    return Adaptation.learn(prior, spread, covariance, rows.residual)


def _blocks(
    precision: Array,
    rows: Rows,
    members: dict[int, NDArray],
    priors: Sequence[LeftOut | None],
    skip: int | None,
) -> list[LeaveOut]:
    """Mean and variance of each group's residual, relative to the reference's prior, under each
    of several log priors (None is the reference's)."""
    mean = np.full((len(priors), len(rows)), np.nan)
    variance = np.full(len(rows), np.nan)
    for g, index in members.items():
        if g == skip:
            continue
        inverse = np.linalg.inv(precision[np.ix_(index, index)])
        variance[index] = np.maximum(inverse.diagonal(), 1e-8)
        for place, left in enumerate(priors):
            log_prior = rows.log_prior
            if left is not None:
                log_prior = left.single[g] if skip is None else left.pair(skip, g)
            target = rows.log_retained - log_prior
            if skip is not None:
                target[members[skip]] = 0.0
            seen = target[index] - inverse @ (precision[index] @ target)
            held = np.minimum(seen, rows.limit_of(log_prior)[index])
            mean[place, index] = held + (log_prior - rows.log_prior)[index]
    return [LeaveOut(m, variance) for m in mean]
