"""One training run: rows, leave-one-source-out, a predictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.executor import Executor
from models.fitting import fit_predictor
from models.predictor import Predictor
from models.selection import CANDIDATES, Candidate, leave_out_candidates
from training.card import card_of
from training.corpus import Corpus, load_corpus
from training.curve import learning_curve
from training.evaluation import (
    CHAMPION,
    Evaluation,
    evaluate_folded,
    evaluate_prior,
    evaluate_residual,
    evaluate_rivals,
    evaluate_unaided,
    tabulate,
    without_synthetic,
)
from training.metrics import Outcome
from training.own_rows import own_row_measures
from training.promotion import put_champion
from training.protocol import PROTOCOL
from training.recording import Lesson, Step, described, record


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def quick_champion(step: Step = lambda _: None) -> str:
    """Train the model alone, without rivals or full evaluation, and serve it; its tag."""
    step("reading measurements")
    corpus = load_corpus()
    step("fitting")
    predictor = _fit(corpus, progress=lambda: step("fitting"))
    step("storing")
    return put_champion(predictor)


def _fit(
    corpus: Corpus,
    evaluation: Evaluation | None = None,
    answers: Sequence[Candidate] | None = None,
    curve: Sequence[dict[str, Any]] = (),
    progress: Callable[[], None] = lambda: None,
) -> Predictor:
    """A predictor of the whole corpus that carries its card; registration gives its version."""
    return fit_predictor(
        corpus.rows,
        corpus.records,
        corpus.scored,
        version="0",
        trained_at=_now(),
        answers=answers,
        prior=corpus.prior,
        card=card_of(corpus, evaluation, curve),
        progress=progress,
    )


def assess(
    corpus: Corpus,
    answers: Sequence[Candidate],
    step: Step = lambda _: None,
    *,
    all_rivals: bool,
    run: Executor | None = None,
) -> Evaluation:
    """Leave-one-source-out of the model, the prior and the rivals, whose folds `run` works on."""
    outcomes = [evaluate_residual(corpus, answers), evaluate_prior(corpus)]
    folded: list[Outcome] = []
    step("model")
    if all_rivals:
        outcomes.append(without_synthetic(corpus, answers))
        step("without synthetic rows")
        outcomes.append(evaluate_unaided(corpus))
        step("without the prior")
        outcomes += evaluate_rivals(corpus, run, progress=lambda: step("rival"))
        folded = evaluate_folded(corpus, run)
        step("random folds")
    evaluation = tabulate(corpus, outcomes, folded)
    evaluation.table[CHAMPION]["own_rows"] = own_row_measures(corpus.rows, corpus.scored, answers)
    return evaluation


def answers_of(corpus: Corpus, step: Step = lambda _: None) -> list[Candidate]:
    """The candidates' leave-out answers, pairs included."""
    return leave_out_candidates(
        corpus.rows, CANDIDATES, prior=corpus.prior, progress=lambda: step("candidate")
    )


def train(files: Sequence[Path] = (), *, seed: int = 0, step: Step = lambda _: None) -> Lesson:
    """A full run: evaluate, track, register, and promote if better.

    Raises InvalidInput for a bad measurements file, before anything is written.
    """
    step("reading measurements")
    corpus = load_corpus(files, seed=seed)
    answers = answers_of(corpus, step)
    evaluation = assess(corpus, answers, step, all_rivals=True)
    curve = learning_curve(
        corpus, evaluation.outcomes[CHAMPION], progress=lambda: step("learning curve")
    )
    predictor = _fit(corpus, evaluation, answers, curve)
    parameters = {"seed": seed, "protocol": PROTOCOL, **described(predictor)}
    return record(corpus, evaluation, predictor, parameters, curve, step)
