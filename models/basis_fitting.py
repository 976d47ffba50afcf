"""From sums over rows to a predictor whose rows are the centres of a basis.

The exact process is fitted to a sample first. It chooses amplitudes, moves the constants and says
how errors on a rig go together; the sums then speak for all rows. What is served is again a
process: each centre is a row, with the precision and weight that all rows together give it, so that
intervals, evidence, novelty and a caller's own rows are as with the exact model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.constants import ConstantSets, Entry, constants, moved
from models.basis import CENTRES, Basis, choose_basis, lost, row_of_centre
from models.evidence import Known
from models.judging import judge
from models.kernel import Points
from models.predictor import Predictor
from models.rows import Rows
from models.selection import LeaveOut, adaptation
from models.sensitivity import RowPrior
from models.statistics import Solved, Statistics, solve_all, statistics_of

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Scheme:
    """What is settled before any sum is taken: the basis, and where the constants are that the
    residual is relative to: learned from the whole sample, and without each fold of it."""

    basis: Basis
    positions: tuple[Mapping[Entry, float], ...]

    @property
    def folds(self) -> int:
        """How many folds the sources are in."""
        return len(self.positions) - 1

    @cached_property
    def constant_sets(self) -> ConstantSets:
        """The reference's constants, those of the whole sample, and those of each fold's rest."""
        return ConstantSets([constants(), *(moved(p) for p in self.positions)])

    def sums(self, rows: Rows, fold: Codes, log_priors: Array) -> Statistics:
        """The sums of rows (n) in folds (n,), whose log prior is (n, folds + 1) under the
        constants of the whole sample and of each fold's rest."""
        targets = rows.log_retained[:, None] - log_priors
        return statistics_of(self.basis, replace(rows, group=fold), targets, self.folds)


@dataclass(frozen=True)
class Sample:
    """The rows (n) that the exact process was fitted to, relative to the reference's prior, with
    their folds (n,), and flags (n,) of those that are scored and measured."""

    rows: Rows
    fold: Codes
    scored: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    prior: RowPrior | None


def make_scheme(exact: Predictor, sample: Sample, folds: int, *, centres: int = CENTRES) -> Scheme:
    """A scheme from the sample and the exact process fitted to it."""
    none: Mapping[Entry, float] = {}
    positions = [exact.positions] + [none] * folds
    if exact.positions and sample.prior is not None:
        learned = adaptation(sample.rows, sample.prior)
        positions[1:] = [
            learned.named(learned.positions(np.flatnonzero(sample.fold == f))) for f in range(folds)
        ]
    basis = choose_basis(sample.rows, exact.amplitudes, centres=centres)
    return Scheme(basis, tuple(positions))


def log_priors_of(scheme: Scheme, sample: Sample) -> Array:
    """The log prior (n, folds + 1) of the sample's rows under each of the scheme's constants."""
    if sample.prior is None:
        return np.repeat(sample.rows.log_prior[:, None], scheme.folds + 1, axis=1)
    return np.stack([sample.prior.log_prior(moved(p)) for p in scheme.positions], axis=1)


def leave_fold_out(
    scheme: Scheme, left_out: list[Solved], sample: Sample, log_priors: Array
) -> LeaveOut:
    """Each fold's rows of the sample predicted from the rows of all other folds, relative to the
    reference's prior."""
    rows = sample.rows
    carried = scheme.basis.carried(rows)
    general, within = scheme.basis.variance_of(rows)
    mean, variance = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for f, solved in enumerate(left_out):
        mine = sample.fold == f
        log_prior = log_priors[:, 1 + f]
        held = np.minimum(carried @ solved.mean, rows.limit_of(log_prior))
        mean[mine] = (held + log_prior - rows.log_prior)[mine]
        variance[mine] = solved.variance(carried[mine])
    variance = np.minimum(variance + lost(general, carried), general) + within + rows.noise
    return LeaveOut(mean, np.maximum(variance, 1e-8))


def basis_predictor(
    exact: Predictor,
    scheme: Scheme,
    sums: Statistics,
    sample: Sample,
    known: Known,
    mechanisms: Array,
    card: Mapping[str, Any],
) -> tuple[Predictor, LeaveOut]:
    """The predictor of all rows that were summed, and the leave-out answers of the sample.

    `known` and `mechanisms` are what any of the rows has measured (models.predictor.Predictor).
    """
    every, left_out = solve_all(sums)
    answer = leave_fold_out(scheme, left_out, sample, log_priors_of(scheme, sample))
    judged = judge(
        sample.rows,
        answer,
        exact.amplitudes,
        exact.precision,
        sample.scored,
        sample.measured,
    )
    general = scheme.basis.general
    place = row_of_centre(sample.rows, general.picked)
    whitening = general.whitening
    precision = whitening.T @ every.explained() @ whitening
    told = exact.rows
    none = np.zeros(0, dtype=np.int64)
    rows = Rows(
        points=Points(general.points.encoding, told.points.source[place], general.points.resource),
        baseline=none,
        baseline_points=general.points.take(none),
        log_retained=told.log_retained[place],
        log_prior=told.log_prior[place],
        host_spread=told.host_spread[place],
        noise=told.noise[place],
        group=told.group[place],
    )
    predictor = replace(
        exact,
        rows=rows,
        records=tuple(exact.records[i] for i in place.tolist()),
        precision=0.5 * (precision + precision.T),
        alpha=whitening.T @ every.mean,
        calibration=judged.calibration,
        narrowing=judged.narrowing,
        novelty_threshold=judged.novelty_threshold,
        use_residual=judged.use_residual,
        known=known,
        mechanisms=mechanisms,
        card=card,
        positions=exact.positions if judged.use_residual else {},
    )
    return predictor, answer
