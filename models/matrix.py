"""The comparison matrix, alive: metric by runtime, the reference's figure, the prior's, the
prediction with its interval, and the measured median side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.constants import constants
from features.prior import evaluate
from features.reference import SECTIONS, Cell, Metric, reference_host, reference_metrics
from features.scenario import Scenario
from features.vocabulary import vocabulary
from models.instance_matrix import instance_sections
from models.prediction import Prediction
from models.predictor import Predictor

WORKLOAD_SECTION = "workload"


@dataclass(frozen=True)
class _Question:
    """One cell to fill: its row, its column, the scenario that answers for it, and the one that it
    is relative to (None for bare metal)."""

    metric: Metric
    label: str
    cell: Cell | None
    scenario: Scenario
    base: Scenario | None


def matrix(
    predictor: Predictor,
    host: Mapping[str, float] | None = None,
    workload: str | None = None,
    sections: Sequence[str] = SECTIONS,
) -> dict[str, Any]:
    """The document of `matrix --json`: values in each metric's unit.

    `host` replaces fields of the reference's host; `workload` adds a section of its own. A cell
    tells `disagreements` in words where reference, model and measurements part beyond intervals.
    """
    given = host or {}
    host = {**reference_host(), **given}
    metrics = [m for m in reference_metrics() if m.section in sections]
    if workload is not None:
        metrics.append(_workload_metric(workload))
    questions = [q for m in metrics for q in _questions(m, host)]
    answers = _answered(predictor, [q.scenario for q in questions])
    bases = iter(_answered(predictor, [q.base for q in questions if q.base]))
    measured = predictor.card.get("measured", {})
    document: dict[str, Any] = {"host": dict(host), "sections": {}}
    for question, answer in zip(questions, answers, strict=True):
        metric = question.metric
        base = next(bases) if question.base else None
        rows = document["sections"].setdefault(metric.section, [])
        if not rows or rows[-1]["metric"] != metric.name:
            rows.append(
                {
                    "metric": metric.name,
                    "unit": metric.unit,
                    "table": metric.table,
                    "section": metric.place,
                    "aspect": metric.aspect,
                    "better": metric.better,
                    "native": metric.native,
                    "cells": {},
                }
            )
        if base is None:
            cell = _filled(question, *answer, measured)
        else:
            cell = _gained(question, answer, base)
        rows[-1]["cells"][question.label] = cell
    for section, rows in instance_sections(predictor, host, given, sections).items():
        document["sections"].setdefault(section, []).extend(rows)
    order = [*SECTIONS, WORKLOAD_SECTION]
    found = document["sections"]
    document["sections"] = {name: found[name] for name in order if name in found}
    return document


def _answered(
    predictor: Predictor, scenarios: Sequence[Scenario]
) -> list[tuple[float, Prediction]]:
    """What the prior with the reference's constants keeps, and the prediction, of each scenario."""
    if not scenarios:
        return []
    kept = evaluate(scenarios, constants("reference")).retained.tolist()
    return list(zip(kept, predictor.predict(scenarios), strict=True))


def _questions(metric: Metric, host: Mapping[str, float]) -> list[_Question]:
    printed = {cell.label: cell for cell in metric.cells}
    labels = dict.fromkeys(printed)
    if not metric.base:
        labels = dict.fromkeys([r for r in vocabulary().runtimes if r != "native"] + list(printed))
    found = []
    for label in labels:
        cell = printed.get(label)
        runtime = cell.runtime if cell else label
        scenario = metric.scenario(runtime, host, cell.options if cell else {})
        base = metric.base_scenario(runtime, host)
        found.append(_Question(metric, label, cell, scenario, base))
    return found


def _workload_metric(workload: str) -> Metric:
    return Metric(
        section=WORKLOAD_SECTION,
        table="",
        place="",
        name=f"{workload}, of bare metal",
        unit="%",
        better="high",
        native=100.0,
        workload=workload,
        demands={},
        host={},
        options={},
        base={},
        cells=(),
    )


def _filled(
    question: _Question, model: float, prediction: Prediction, measured: Mapping[str, Any]
) -> dict[str, Any]:
    metric, cell, scenario = question.metric, question.cell, question.scenario
    name = f"{scenario.runtime} {scenario.workload}"
    options = [f"{name} {k}={v}" for k, v in (cell.options if cell else {}).items()]
    # A row's own demands change what is measured; the leaf's median does not speak of them.
    seen = measured.get((options or [name])[0]) if not metric.demands else None
    low, high = prediction.interval
    ends = sorted((metric.value(low), metric.value(high)))
    return {
        "reference": cell.figure if cell else None,
        "reference_range": [cell.low, cell.high] if cell and cell.low < cell.high else None,
        "model": metric.value(model),
        "predicted": metric.value(prediction.retained),
        "interval": ends,
        "retained": prediction.retained,
        "measured": metric.value(seen["median"]) if seen else None,
        "sources": int(seen["sources"]) if seen else 0,
        "extrapolating": prediction.novelty.extrapolating,
        "disagreements": _disagreements(metric, cell, prediction, seen),
    }


def _gained(
    question: _Question,
    answer: tuple[float, Prediction],
    base: tuple[float, Prediction],
) -> dict[str, Any]:
    """The cell of a row that compares an option with its base. The two share what is not known of
    them, so that their intervals do not make one for the quotient: it has none."""
    metric, cell = question.metric, question.cell
    (model, prediction), (base_model, base_prediction) = answer, base
    gained = model / base_model
    found = []
    if cell is not None:
        low, high = sorted((metric.retained(cell.low), metric.retained(cell.high)))
        if not low * 0.99 <= gained <= high * 1.01:
            found.append("the model's gain is outside the reference's")
        if cell.erratum:
            found.append(f"reference and model differ: {cell.erratum}")
    return {
        "reference": cell.figure if cell else None,
        "reference_range": [cell.low, cell.high] if cell and cell.low < cell.high else None,
        "model": metric.value(gained),
        "predicted": metric.value(prediction.retained / base_prediction.retained),
        "interval": None,
        "retained": prediction.retained,
        "measured": None,
        "sources": 0,
        "extrapolating": prediction.novelty.extrapolating,
        "disagreements": found,
    }


def _disagreements(
    metric: Metric, cell: Cell | None, prediction: Prediction, seen: Mapping[str, float] | None
) -> list[str]:
    found = []
    low, high = prediction.interval
    printed = sorted((metric.retained(cell.low), metric.retained(cell.high))) if cell else None
    if printed and (printed[1] < low or printed[0] > high):
        found.append("the reference's figure is outside the interval")
    if seen and not low <= seen["median"] <= high:
        found.append("the measured median is outside the interval")
    worst, best = prediction.prior_range
    if seen and not worst <= seen["median"] <= best:
        found.append("the measured median is outside the range of the prior's constants")
    if cell and cell.erratum:
        found.append(f"reference and model differ: {cell.erratum}")
    return found
