"""What a few rows of one's own are worth: leave-one-source-out, each source told some of its rows.

Every choice, the narrowing of intervals included, is made inside the training sources; all rows
of the observing source's group are left out of training, and those it is told are not scored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.calibration import Bounds, Calibration, calibrate
from models.fitting import choose_scored
from models.gaussian import row_terms
from models.judging import features_of
from models.narrowing import COUNTS, OwnAnswers, learn_narrowing, own_answers
from models.rows import Rows
from models.selection import Candidate
from models.solving import solve
from training.metrics import LEVEL, interval_score, mean_by

Array = NDArray[np.float64]

# How often rows are drawn from each source; each draw is scored on all of its other rows.
DRAWS = 40


def own_row_measures(
    rows: Rows,
    scored: NDArray[np.bool_],
    candidates: Sequence[Candidate],
    *,
    counts: Sequence[int] = COUNTS,
    draws: int = DRAWS,
) -> dict[str, dict]:
    """By count of own rows: errors in log retained, coverage and width of the 90 % interval, and
    under `without` those of the same rows when the source told nothing.

    A count is left out where no source has enough rows.
    """
    found: dict[int, list[_Scored]] = {count: [] for count in counts}
    terms = row_terms(rows, candidates[0].amplitudes)
    precisions: dict[int, Array] = {}
    for group in (int(g) for g in np.unique(rows.group[scored])):
        inner = scored & (rows.group != group)
        best = choose_scored(candidates, rows, inner, group)
        chosen = candidates[best]
        if best not in precisions:
            solution = solve(terms, chosen.amplitudes, rows.noise, rows.residual)
            precisions[best] = solution.precision
        teacher = _Teacher(rows, inner, chosen, precisions[best], group)
        for count in counts:
            answers = own_answers(
                rows,
                precisions[best],
                chosen.single,
                scored,
                count,
                teacher.plain.scale(teacher.features),
                scatter=teacher.narrowing.scatter,
                draws=draws,
                only=group,
            )
            if len(answers):
                found[count].append(teacher.score(answers))
    return {str(count): _measures(parts) for count, parts in found.items() if parts}


class _Scored:
    """Errors (m,) and bounds of one group's rows, with own rows and without."""

    def __init__(self, group: NDArray, error: tuple[Array, Array], bounds: tuple[Bounds, Bounds]):
        self.group, self.error, self.bounds = group, error, bounds


class _Teacher:
    """Calibration and narrowing that have not seen a group, and what they say of it."""

    def __init__(
        self,
        rows: Rows,
        inner: NDArray[np.bool_],
        chosen: Candidate,
        precision: Array,
        group: int,
    ):
        self.rows = rows
        self.features = features_of(rows, chosen.single)
        answer = chosen.without[group]
        features = features_of(rows, answer)
        self.plain: Calibration = calibrate(
            features[inner], answer.error(rows)[inner], rows.group[inner], rows.log_retained[inner]
        )
        expected = self.plain.scale(features)
        self.narrowing = learn_narrowing(
            rows,
            expected,
            self.plain,
            lambda count, scatter: own_answers(
                rows,
                precision,
                answer,
                inner,
                count,
                expected,
                scatter=scatter,
                without=group,
            ),
        )

    def score(self, answers: OwnAnswers) -> _Scored:
        rows, place = self.rows, answers.place
        prior = rows.log_prior[place]
        expected = self.plain.scale(self.features[place])
        return _Scored(
            rows.group[place],
            (rows.residual[place] - answers.mean, rows.residual[place] - answers.plain),
            (
                self.narrowing.bounds(
                    self.plain, expected, prior + answers.mean, LEVEL, answers.narrowed
                ),
                self.plain.bounds(expected, prior + answers.plain, LEVEL),
            ),
        )


def _measures(parts: Sequence[_Scored]) -> dict:
    group = [str(g) for part in parts for g in part.group]
    told, plain = (
        _figures(
            np.concatenate([part.error[i] for part in parts]),
            Bounds(
                np.concatenate([part.bounds[i].below for part in parts]),
                np.concatenate([part.bounds[i].above for part in parts]),
            ),
            group,
        )
        for i in (0, 1)
    )
    return {"sources": len(set(group)), **told, "without": plain}


def _figures(error: Array, bounds: Bounds, group: Sequence[str]) -> dict[str, float]:
    size, inside = np.abs(error), bounds.holds(error).astype(float)
    return {
        "error_by_source": float(np.mean(list(mean_by(size, group).values()))),
        "error_by_row": float(size.mean()),
        "coverage": float(inside.mean()),
        "coverage_by_source_mean": float(np.mean(list(mean_by(inside, group).values()))),
        "width": float(np.median(bounds.below + bounds.above)),
        "interval_score": float(interval_score(error, bounds, LEVEL).mean()),
    }
