"""From rows to a predictor: choose amplitudes, solve, calibrate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.constants import moved
from models.calibration import Bounds, calibrate
from models.evidence import Record, known_of
from models.gaussian import row_terms
from models.judging import Flags, features_of, judge
from models.kernel import Amplitudes, mechanism_sets
from models.predictor import Predictor
from models.rows import Rows
from models.selection import (
    CANDIDATES,
    Candidate,
    adaptation,
    leave_out_candidates,
    score,
)
from models.sensitivity import RowPrior
from models.solving import solve

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Honest:
    """What was predicted of each row by a model that had not seen its source: mean of the log
    residual, the interval's bounds about it for each level, the expected size of the error, and
    the candidate that was chosen."""

    mean: Array
    bounds: dict[float, Bounds]
    expected: Array
    chosen: dict[int, int]


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
    amplitudes = answers[best].amplitudes
    precision = solve(row_terms(rows, amplitudes), amplitudes, rows.noise, rows.residual).precision
    measured = np.array([r.origin == "measured" for r in records])
    # Leave-out answers are relative to the reference's prior, wherever constants move.
    judged = judge(rows, answers[best].single, amplitudes, precision, scored, measured)
    positions = {}
    if judged.use_residual and prior is not None:
        learned = adaptation(rows, prior)
        positions = learned.named(learned.positions())
        rows = replace(rows, log_prior=prior.log_prior(moved(positions)))
    return Predictor(
        rows=rows,
        records=tuple(records),
        amplitudes=amplitudes,
        precision=precision,
        alpha=precision @ rows.residual,
        calibration=judged.calibration,
        narrowing=judged.narrowing,
        novelty_threshold=judged.novelty_threshold,
        use_residual=judged.use_residual,
        known=known_of(records),
        mechanisms=mechanism_sets(rows.points.encoding[measured]),
        version=version,
        trained_at=trained_at,
        card=card or {},
        positions=positions,
    )
