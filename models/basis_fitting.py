"""From sums over rows to a predictor whose rows are the centres of a basis.

The exact process is fitted to a sample first. It chooses amplitudes, moves the constants and says
how errors on a rig go together; the sums then speak for all rows. What is served is again a
process: each centre is a row, with the precision and weight that all rows together give it, so that
intervals, evidence, novelty and a caller's own rows are as with the exact model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.constants import ConstantSets, Entry, constants, moved
from models.basis import CENTRES, Basis, choose_basis, lost, row_of_centre
from models.evidence import Known, Record
from models.fitting import choose_scored
from models.gaussian import row_terms
from models.judging import Flags, judge
from models.kernel import Amplitudes, Points
from models.predictor import Predictor
from models.rows import Rows
from models.selection import CANDIDATES, LeaveOut, adaptation, leave_out_candidates
from models.sensitivity import Adaptation, RowPrior
from models.solving import solve
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
    """The rows (n) that the exact process is fitted to, relative to the reference's prior: their
    records, folds (n,), flags (n,) of those that are scored, prior and learned constants (None
    where they stay at the reference's); what the fit chose, and the precision (n, n) it left."""

    rows: Rows
    records: tuple[Record, ...]
    fold: Codes
    scored: Flags
    prior: RowPrior | None
    learned: Adaptation | None
    amplitudes: Amplitudes
    precision: Array

    @property
    def measured(self) -> Flags:
        """Flags (n,) of the rows that somebody measured."""
        return np.array([r.origin == "measured" for r in self.records])


def fit_sample(
    rows: Rows,
    records: Sequence[Record],
    fold: Codes,
    scored: Flags,
    prior: RowPrior | None,
    *,
    candidates: Sequence[Amplitudes] = CANDIDATES,
    progress: Callable[[], None] = lambda: None,
) -> tuple[Sample, LeaveOut]:
    """Choose amplitudes by leaving folds (n,) of sources out, and the exact model's leave-fold-out
    answers under them. Raises ValueError with fewer than three folds."""
    by_fold = replace(rows, group=fold)
    learned = adaptation(rows, prior) if prior else None
    answers = leave_out_candidates(
        by_fold, candidates, pairs=False, learned=learned, progress=progress
    )
    best = answers[choose_scored(answers, by_fold, scored)]
    terms = row_terms(rows, best.amplitudes)
    precision = solve(terms, best.amplitudes, rows.noise, rows.residual).precision
    sample = Sample(rows, tuple(records), fold, scored, prior, learned, best.amplitudes, precision)
    return sample, best.single


def make_scheme(sample: Sample, folds: int, *, centres: int = CENTRES) -> Scheme:
    """A scheme from a sample: constants learned from all of it, and from each fold's rest."""
    learned = sample.learned
    left_out = [None, *(np.flatnonzero(sample.fold == f) for f in range(folds))]
    positions = [learned.named(learned.positions(rows)) if learned else {} for rows in left_out]
    basis = choose_basis(sample.rows, sample.amplitudes, centres=centres)
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
    scheme: Scheme,
    sums: Statistics,
    sample: Sample,
    log_priors: Array,
    *,
    known: Known,
    mechanisms: Array,
    version: str,
    trained_at: str,
) -> tuple[Predictor, LeaveOut]:
    """The predictor of all rows that were summed, and the leave-out answers of the sample.

    log_priors: log_priors_of the sample; known, mechanisms: what any of the rows has measured
    (models.predictor.Predictor).
    """
    every, left_out = solve_all(sums)
    answer = leave_fold_out(scheme, left_out, sample, log_priors)
    rows = sample.rows
    judged = judge(
        rows, answer, sample.amplitudes, sample.precision, sample.scored, sample.measured
    )
    general = scheme.basis.general
    place = row_of_centre(rows, general.picked)
    precision = general.whitening.T @ every.explained() @ general.whitening
    none = np.zeros(0, dtype=np.int64)
    centres = Rows(
        points=Points(general.points.encoding, rows.points.source[place], general.points.resource),
        baseline=none,
        baseline_points=general.points.take(none),
        log_retained=rows.log_retained[place],
        log_prior=log_priors[place, 0] if judged.use_residual else rows.log_prior[place],
        host_spread=rows.host_spread[place],
        noise=rows.noise[place],
        group=rows.group[place],
    )
    predictor = Predictor(
        rows=centres,
        records=tuple(sample.records[i] for i in place.tolist()),
        amplitudes=sample.amplitudes,
        precision=0.5 * (precision + precision.T),
        alpha=general.whitening.T @ every.mean,
        calibration=judged.calibration,
        narrowing=judged.narrowing,
        novelty_threshold=judged.novelty_threshold,
        use_residual=judged.use_residual,
        known=known,
        mechanisms=mechanisms,
        version=version,
        trained_at=trained_at,
        positions=scheme.positions[0] if judged.use_residual else {},
    )
    return predictor, answer
