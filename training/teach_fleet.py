"""A training run on more rows than the exact model takes: the basis model, judged and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from features.chunks import Piece
from models.executor import Executor
from training.card import card_of
from training.fleet import Fleet, Progress, fit_fleet
from training.fleet_evaluation import assess_fleet
from training.protocol import FOLDED
from training.recording import Lesson, described, record


def train_fleet(
    parts: Sequence[Piece], run: Executor, progress: Progress, *, seed: int = 0
) -> Lesson:
    """Fit the basis model to the rows of all pieces, judge, track, and promote it if better.

    Raises InvalidInput naming file and row of what is wrong, before anything is written.
    """
    fleet = fit_fleet(parts, run, progress, seed=seed)
    with progress("judging", 9) as step:
        evaluation = assess_fleet(fleet, run, step)
    model = kind_of(fleet)
    predictor = replace(fleet.predictor, card=card_of(fleet.corpus, evaluation, model=model))
    parameters = {"seed": seed, "protocol": FOLDED, **described(predictor)}
    parameters |= {f"model.{key}": value for key, value in model.items()}
    with progress("recording", 2) as step:
        return record(fleet.corpus, evaluation, predictor, parameters, (), step)


def kind_of(fleet: Fleet) -> dict[str, object]:
    """What the card says of the model."""
    return {
        "kind": "basis",
        "centres": len(fleet.predictor.rows),
        "rows": fleet.rows,
        "sources": fleet.sources,
        "jitter": fleet.jitter,
    }
