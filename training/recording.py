"""A training run put on record: tracked, registered, and promoted if it is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.constants import quantities
from models.predictor import Predictor
from training import plots
from training.card_page import card_page
from training.corpus import Corpus
from training.evaluation import CHAMPION, Evaluation
from training.promotion import put_champion
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


def described(predictor: Predictor) -> dict[str, Any]:
    """What a run's parameters say of its model."""
    return {
        "constants": "fitted" if predictor.positions else "reference",
        "served": "residual" if predictor.use_residual else "prior",
        **{f"amplitude.{k}": v for k, v in predictor.amplitudes.as_dict().items()},
    }


def record(
    corpus: Corpus,
    evaluation: Evaluation,
    predictor: Predictor,
    parameters: Mapping[str, Any],
    curve: Sequence[dict[str, Any]] = (),
    step: Step = lambda _: None,
) -> Lesson:
    """Track, register, and promote if better. Raises NotStored where there is no room."""
    from training import tracking

    step("tracking")
    present = tracking.champion_measures()
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


def _log_pictures(mlflow: Any, evaluation: Evaluation, curve: Sequence[dict[str, Any]]) -> None:
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
    if not curve:
        return
    fig, ax = plots.figure()
    plots.learning(ax, curve, evaluation.table["prior"]["error_by_source"])
    mlflow.log_figure(fig, "learning_curve.png")
