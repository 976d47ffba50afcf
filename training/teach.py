"""One training run: rows, leave-one-source-out, a predictor, and who becomes champion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from features.constants import quantities
from models.fitting import fit_predictor
from models.predictor import Predictor
from models.selection import CANDIDATES, Candidate, leave_out_candidates
from training import plots
from training.card import card_of
from training.card_page import card_page
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
from training.registration import register

Step = Callable[[str], None]


@dataclass(frozen=True)
class Lesson:
    """What a training run came to."""

    version: str
    promoted: bool
    why: str
    evaluation: Evaluation | None
    document: dict[str, Any]


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


def fitted_constants(predictor: Predictor) -> dict[str, dict[str, Any]]:
    """The constants that training has moved, by how far: from where to where, in which range."""
    moved: dict[str, dict[str, Any]] = {}
    values = predictor.constants
    if values is None:
        return moved
    for entry in sorted(predictor.positions, key=lambda e: -abs(predictor.positions[e])):
        quantity = quantities()[entry[0]]
        constant = quantity.entries[entry[1]]
        moved["/".join(entry)] = {
            "fitted": values.value(entry),
            "reference": constant.value,
            "range": [constant.low, constant.high],
            "unit": quantity.unit,
            "source": constant.source,
        }
    return moved


def assess(
    corpus: Corpus, answers: Sequence[Candidate], step: Step = lambda _: None, *, all_rivals: bool
) -> Evaluation:
    """Leave-one-source-out of the model, the prior and the rivals."""
    outcomes = [evaluate_residual(corpus, answers), evaluate_prior(corpus)]
    folded: list[Outcome] = []
    step("model")
    if all_rivals:
        outcomes.append(without_synthetic(corpus, answers))
        step("without synthetic rows")
        outcomes.append(evaluate_unaided(corpus))
        step("without the prior")
        outcomes += evaluate_rivals(corpus, progress=lambda: step("rival"))
        folded = evaluate_folded(corpus)
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
    from training import tracking

    step("reading measurements")
    corpus = load_corpus(files, seed=seed)
    answers = answers_of(corpus, step)
    evaluation = assess(corpus, answers, step, all_rivals=True)
    curve = learning_curve(
        corpus, evaluation.outcomes[CHAMPION], progress=lambda: step("learning curve")
    )
    predictor = _fit(corpus, evaluation, answers, curve)
    step("tracking")
    present = tracking.champion_measures()
    parameters = {
        "seed": seed,
        "protocol": PROTOCOL,
        "constants": "fitted" if predictor.positions else "reference",
        "served": "residual" if predictor.use_residual else "prior",
        **{f"amplitude.{k}": v for k, v in predictor.amplitudes.as_dict().items()},
    }
    with tracking.tracked_run(corpus, parameters) as mlflow:
        tracking.log_evaluation(mlflow, evaluation, CHAMPION, corpus)
        _log_pictures(mlflow, evaluation, curve)
        predictor = register(mlflow, predictor)
        mlflow.log_dict(fitted_constants(predictor), "fitted_constants.json")
        tracking.log_card(mlflow, predictor.card, _page(predictor))
        promoted, why = _better(evaluation, corpus, present)
        mlflow.set_tags({"promoted": str(promoted).lower(), "promotion.reason": why})
        step("storing")
        if promoted:
            put_champion(predictor)
            tracking.move_alias(mlflow, predictor.version)
    document = {
        "version": predictor.version,
        "promoted": promoted,
        "why": why,
        **evaluation.document(corpus),
    }
    return Lesson(predictor.version, promoted, why, evaluation, document)


def _better(
    evaluation: Evaluation, corpus: Corpus, present: dict[str, Any] | None
) -> tuple[bool, str]:
    """Whether the new model takes the alias, and the reason in words."""
    new = evaluation.table[CHAMPION]
    error = 0.5 * (new["error_by_source"] + new["error_by_row"])
    if present is None or "error_by_source" not in present:
        return True, f"there was no champion; its error is {error:.4f}"
    old = 0.5 * (present["error_by_source"] + present["error_by_row"])
    same = present["digest"] == corpus.digests["measured"] and present["scored_rows"] == int(
        corpus.scored.sum()
    )
    if not same:
        return True, (
            f"version {present['version']} was scored on other rows, so the two cannot be "
            f"compared; the new one saw the present rows ({error:.4f})"
        )
    if error < old - 1e-9:
        return True, f"its error {error:.4f} is below {old:.4f} of version {present['version']}"
    return False, f"its error {error:.4f} is not below {old:.4f} of version {present['version']}"


def _page(predictor: Predictor) -> str:
    return card_page(predictor.card, predictor.version, predictor.trained_at)


def _log_pictures(mlflow: Any, evaluation: Evaluation, curve: list[dict[str, Any]]) -> None:
    outcome = evaluation.outcomes[CHAMPION]
    fig, ax = plots.figure()
    plots.parity(ax, evaluation.observed, outcome.error)
    mlflow.log_figure(fig, "parity.png")
    fig, ax = plots.figure()
    plots.calibration(ax, outcome)
    mlflow.log_figure(fig, "calibration.png")
    fig, ax = plots.figure((6.0, 8.0))
    plots.coverage_by(ax, outcome, evaluation.groups)
    mlflow.log_figure(fig, "coverage_by_source.png")
    fig, ax = plots.figure()
    plots.residual_by(ax, outcome.error, evaluation.runtimes)
    mlflow.log_figure(fig, "residual_by_runtime.png")
    fig, ax = plots.figure()
    plots.learning(ax, curve, evaluation.table["prior"]["error_by_source"])
    mlflow.log_figure(fig, "learning_curve.png")
