"""Answers to questions: predictions as the records that HTTP, CSV and the terminal show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from features.scenario import Scenario
from models.conditioning import Observation
from models.prediction import Prediction
from serving.questions import Comparison, Question

# Scenarios predicted at once: bounds the memory of a long list.
CHUNK = 500


class Predicts(Protocol):
    """What this room needs of a predictor."""

    def predict(
        self,
        scenarios: Sequence[Scenario],
        *,
        level: float = 0.9,
        observations: Sequence[Observation] = (),
    ) -> list[Prediction]: ...


@dataclass(frozen=True)
class OnRig:
    """A predictor for the rig of these observations."""

    predictor: Predicts
    observations: Sequence[Observation]

    def predict(self, scenarios: Sequence[Scenario], *, level: float = 0.9) -> list[Prediction]:
        """The predictor's predictions, conditioned on the observations."""
        return self.predictor.predict(scenarios, level=level, observations=self.observations)


def answer(predictor: Predicts, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """One record for each question, in their order; the predictor sees them by level and rig, in
    chunks. Questions of one rig hold the same observations, not alike ones."""
    together: dict[tuple[float, int], list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        together[question.level, id(question.observations)].append(place)
    records: list[dict[str, Any]] = [{} for _ in questions]
    for (level, _), places in together.items():
        rig = OnRig(predictor, questions[places[0]].observations)
        for start in range(0, len(places), CHUNK):
            chunk = places[start : start + CHUNK]
            made = rig.predict([questions[i].scenario for i in chunk], level=level)
            for place, prediction in zip(chunk, made, strict=True):
                records[place] = _with_value(prediction, questions[place])
    return records


def compare(predictor: Predicts, comparison: Comparison) -> dict[str, Any]:
    """One scenario under each runtime, best first. An option that a runtime cannot have is left
    out for it, and its record says so."""
    asked = [comparison.under(runtime) for runtime in comparison.runtimes]
    questions = [
        Question(scenario, comparison.level, comparison.native, comparison.observations)
        for scenario, _ in asked
    ]
    records = []
    for (scenario, dropped), record in zip(asked, answer(predictor, questions), strict=True):
        said = [f"{why}: left out" for why in dropped.values()]
        _add_reasons(record, said)
        records.append({"runtime": scenario.runtime, **record})
    records.sort(key=lambda record: -record["retained"])
    return {"scenario": comparison.as_dict(), "predictions": records}


def _with_value(prediction: Prediction, question: Question) -> dict[str, Any]:
    record = prediction.as_dict()
    native = question.native
    if native is None:
        return record
    base = native.at(question.scenario)
    record["value"] = native.under(base, prediction.retained)
    record["unit"] = native.unit
    if base != native.value:
        said = f"value scaled from {native.cores:g} to {question.scenario.cores:g} cores"
        law = {"fixed": "Amdahl", "scaled": "Gustafson"}[native.scaling]
        _add_reasons(record, [f"{said} by {law}'s law over measured capacity"])
    return record


def _add_reasons(record: dict[str, Any], reasons: list[str]) -> None:
    if reasons:
        novelty = record["novelty"]
        record["novelty"] = {**novelty, "reasons": [*novelty["reasons"], *reasons]}
