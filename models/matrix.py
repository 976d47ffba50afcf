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
    """One cell to fill: its row, its column, and the scenario that answers for it."""

    metric: Metric
    label: str
    cell: Cell | None
    scenario: Scenario


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
    scenarios = [q.scenario for q in questions]
    models = evaluate(scenarios, constants("reference")).retained if scenarios else ()
    predictions = predictor.predict(scenarios)
    measured = predictor.card.get("measured", {})
    document: dict[str, Any] = {"host": dict(host), "sections": {}}
    for question, model, prediction in zip(questions, models, predictions, strict=True):
        metric = question.metric
        rows = document["sections"].setdefault(metric.section, [])
        if not rows or rows[-1]["metric"] != metric.name:
            rows.append(
                {
                    "metric": metric.name,
                    "unit": metric.unit,
                    "table": metric.table,
                    "section": metric.place,
                    "better": metric.better,
                    "native": metric.native,
                    "cells": {},
                }
            )
        rows[-1]["cells"][question.label] = _filled(question, float(model), prediction, measured)
    for section, rows in instance_sections(predictor, host, given, sections).items():
        document["sections"].setdefault(section, []).extend(rows)
    order = [*SECTIONS, WORKLOAD_SECTION]
    found = document["sections"]
    document["sections"] = {name: found[name] for name in order if name in found}
    return document


def _questions(metric: Metric, host: Mapping[str, float]) -> list[_Question]:
    printed = {cell.label: cell for cell in metric.cells}
    labels = dict.fromkeys([r for r in vocabulary().runtimes if r != "native"] + list(printed))
    found = []
    for label in labels:
        cell = printed.get(label)
        runtime = cell.runtime if cell else label
        options = cell.options if cell else {}
        found.append(_Question(metric, label, cell, metric.scenario(runtime, host, options)))
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
