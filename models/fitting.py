"""From rows to a predictor: choose amplitudes, solve, calibrate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.constants import moved
from models.calibration import Bounds, Calibration, calibrate, scale_features
from models.gaussian import row_terms
from models.kernel import Amplitudes, self_variance
from models.narrowing import learn_narrowing, own_answers
from models.novelty import left_out_nearness, unknown_error, variance_left
from models.predictor import Predictor, Record
from models.rows import Rows
from models.selection import (
    CANDIDATES,
    Candidate,
    LeaveOut,
    adaptation,
    leave_out_candidates,
    score,
)
from models.sensitivity import RowPrior
from models.solving import solve

Array = NDArray[np.float64]

# Rows whose flag is set are measurements; only they are scored, chosen by, and calibrated on.
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Honest:
    """What was predicted of each row by a model that had not seen its source: mean of the log
    residual, the interval's bounds about it for each level, the expected size of the error, and
    the candidate that was chosen."""

    mean: Array
    bounds: dict[float, Bounds]
    expected: Array
    chosen: dict[int, int]


def features_of(rows: Rows, answer: LeaveOut) -> Array:
    """The scale model's features of rows under a leave-out answer."""
    return scale_features(
        rows.points.encoding,
        rows.log_prior,
        answer.variance + rows.host_spread**2,
        rows.host_spread,
    )


def nested(
    rows: Rows, candidates: Sequence[Candidate], scored: Flags, levels: Sequence[float]
) -> Honest:
    """Leave-one-source-out with every choice made inside the training sources.

    For each source, the candidate and the calibration come from answers that saw neither it nor
    the source they were judged on.
    """
    mean = np.full(len(rows), np.nan)
    expected = np.full(len(rows), np.nan)
    none = np.full(len(rows), np.nan)
    bounds = {level: Bounds(none.copy(), none.copy()) for level in levels}
    chosen = {}
    for g in np.unique(rows.group[scored]):
        mine = rows.group == g
        inner = scored & ~mine
        best = choose_scored(candidates, rows, inner, int(g))
        answer = candidates[best].without[int(g)]
        features = features_of(rows, answer)
        fitted = calibrate(
            features[inner],
            answer.error(rows)[inner],
            rows.group[inner],
            rows.log_retained[inner],
        )
        outer = candidates[best].single
        mean[mine] = outer.mean[mine]
        own = features_of(rows, outer)[mine]
        predicted = (rows.log_prior + outer.mean)[mine]
        expected[mine] = fitted.scale(own)
        for level in levels:
            found = fitted.bounds(expected[mine], predicted, level)
            bounds[level].below[mine] = found.below
            bounds[level].above[mine] = found.above
        chosen[int(g)] = best
    return Honest(mean, bounds, expected, chosen)


def choose_scored(
    candidates: Sequence[Candidate], rows: Rows, seen: Flags, without: int | None = None
) -> int:
    """The candidate with the least leave-out error on the rows that may be seen."""
    scores = []
    for candidate in candidates:
        answer = candidate.single if without is None else candidate.without[without]
        scores.append(score(answer.error(rows)[seen], rows.group[seen]))
    return int(np.argmin(scores))


def prior_answer(rows: Rows) -> LeaveOut:
    """The prior alone as a leave-out answer: no residual, one variance for all."""
    return LeaveOut(np.zeros(len(rows)), np.full(len(rows), 0.25))


def fit_predictor(
    rows: Rows,
    records: Sequence[Record],
    scored: Flags,
    *,
    version: str,
    trained_at: str,
    candidates: Sequence[Amplitudes] = CANDIDATES,
    answers: Sequence[Candidate] | None = None,
    prior: RowPrior | None = None,
    card: dict | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Predictor:
    """Fit on all rows. Serves the prior alone when the residual does not beat it.

    `answers` are leave-out answers of the same rows, worked out here when not given. With `prior`
    (of the same rows) its constants are moved inside their ranges.
    Raises ValueError with fewer than three sources.
    """
    if answers is None:
        answers = leave_out_candidates(
            rows, candidates, pairs=False, prior=prior, progress=progress
        )
    best = choose_scored(answers, rows, scored)
    answer = answers[best].single
    residual_error = score(answer.error(rows)[scored], rows.group[scored])
    prior_error = score(rows.residual[scored], rows.group[scored])
    use_residual = residual_error < prior_error
    judged = answer if use_residual else LeaveOut(np.zeros(len(rows)), answer.variance)
    fitted: Calibration = calibrate(
        features_of(rows, judged)[scored],
        judged.error(rows)[scored],
        rows.group[scored],
        rows.log_retained[scored],
    )
    amplitudes = answers[best].amplitudes
    expected = fitted.scale(features_of(rows, judged))
    threshold = _novelty_threshold(
        rows,
        answer,
        amplitudes,
        expected,
        scored,
        np.array([r.origin == "measured" for r in records]),
    )
    # Leave-out answers are relative to the reference's prior, wherever constants move.
    told = rows
    positions = {}
    if use_residual and prior is not None:
        learned = adaptation(rows, prior)
        positions = learned.named(learned.positions())
        rows = replace(rows, log_prior=prior.log_prior(moved(positions)))
    solution = solve(row_terms(rows, amplitudes), amplitudes, rows.noise, rows.residual)
    narrowing = learn_narrowing(
        told,
        expected,
        fitted,
        lambda count, scatter: own_answers(
            told, solution.precision, judged, scored, count, expected, scatter=scatter
        ),
    )
    return Predictor(
        rows=rows,
        records=tuple(records),
        amplitudes=amplitudes,
        precision=solution.precision,
        alpha=solution.alpha,
        calibration=fitted,
        narrowing=narrowing,
        novelty_threshold=threshold,
        use_residual=use_residual,
        version=version,
        trained_at=trained_at,
        card=card or {},
        positions=positions,
    )


def _novelty_threshold(
    rows: Rows,
    answer: LeaveOut,
    amplitudes: Amplitudes,
    expected: Array,
    scored: Flags,
    measured: Flags,
) -> float:
    """The ninth decile of what is unknown of rows whose source was never seen, given the expected
    size of their errors (n,)."""
    general, _ = self_variance(rows.points.encoding, amplitudes)
    plain = scored.copy()
    plain[rows.baseline] = False
    plain &= general > 0
    if not plain.any():
        return 1.0
    near = left_out_nearness(rows, measured, amplitudes.mechanism_length)
    found = unknown_error(expected, variance_left(rows, answer, amplitudes), near)
    return max(float(np.quantile(found[plain], 0.9)), 1e-6)
