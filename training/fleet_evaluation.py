"""How good the basis model is: sources left out by folds, beside the exact model of the sample, the
prior and the rivals, on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from models.executor import Executor
from models.judging import prior_answer
from models.novelty import left_out_nearness, unknown_error, variance_left
from training.evaluation import CHAMPION, Evaluation, crossfitted, evaluate_rivals, tabulate
from training.fleet import Fleet
from training.protocol import FOLDED

SAMPLED = "exact-on-sample"


def assess_fleet(
    fleet: Fleet, run: Executor | None = None, step: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Measures on the scored rows of the shipped measurements and of the sample.

    What is said of a row comes from rows of other folds alone. Its interval's calibration does too,
    but was fitted to errors of models that had seen the row's fold. `run` works on rivals' folds.
    """
    corpus, fold = fleet.corpus, fleet.sample.fold
    by_fold = replace(corpus.rows, group=fold)
    mine, expected = crossfitted(corpus, fleet.answer, fold, CHAMPION)
    amplitudes = fleet.sample.amplitudes
    near = left_out_nearness(by_fold, fleet.sample.measured, amplitudes.mechanism_length)
    unknown = unknown_error(expected, variance_left(by_fold, fleet.answer, amplitudes), near)
    step("basis model")
    outcomes = [
        replace(mine, novelty=unknown[corpus.scored]),
        crossfitted(corpus, prior_answer(corpus.rows), fold, "prior")[0],
        crossfitted(corpus, fleet.exact, fold, SAMPLED)[0],
    ]
    step("exact model")
    folded = replace(corpus, rows=by_fold)
    outcomes += evaluate_rivals(folded, run, progress=lambda: step("rival"))
    return replace(tabulate(corpus, outcomes), protocol=FOLDED)
