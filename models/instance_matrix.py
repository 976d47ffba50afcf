"""The matrix's rows in units of their own: what an instance takes of its host, and its cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.constants import Constant, constants, quantities
from features.cost import cost_per_retained
from features.prior import evaluate
from features.properties import properties
from features.reference import Cell, Figure, aspect_of, reference_figures
from features.scenario import Scenario
from features.vocabulary import vocabulary
from models.instance import estimate_instance
from models.predictor import Predictor

# What the reference's own column of relative performance is of.
WORKLOAD = "web"

Range = tuple[float, float]


@dataclass(frozen=True)
class _Answer:
    """What is said of one cell: by the figures without measurements, and predicted."""

    model: float
    predicted: float
    interval: Range | None
    retained: float | None = None
    measured: float | None = None
    sources: int = 0
    extrapolating: bool = False


def instance_sections(
    predictor: Predictor,
    host: Mapping[str, float],
    given: Mapping[str, float],
    sections: Sequence[str],
) -> dict[str, list[dict[str, Any]]]:
    """The rows by section, with the keys of the matrix's other rows; null where one means nothing.

    host: the whole host; `given` are its fields that the caller chose, which win over those that a
    row's printed figures imply.
    """
    made: dict[str, list[dict[str, Any]]] = {}
    for figure in reference_figures():
        if figure.section in sections:
            fields = {**host, **figure.host, **given}
            made.setdefault(figure.section, []).append(_row(predictor, figure, fields))
    return made


def _row(predictor: Predictor, figure: Figure, host: Mapping[str, float]) -> dict[str, Any]:
    printed = {cell.label: cell for cell in figure.cells}
    # An option's own quantity is of the runtimes that it is printed for.
    everyone = [] if figure.quantity == "compile_ms" else list(vocabulary().runtimes)
    labels = dict.fromkeys([r for r in everyone if r != "native"] + list(printed))
    scenarios = [_scenario(printed.get(label), label, host) for label in labels]
    answers = _answers(predictor, figure.quantity, scenarios)
    return {
        "metric": figure.name,
        "unit": figure.unit,
        "table": figure.table,
        "section": figure.place,
        "aspect": aspect_of(figure.unit),
        "better": figure.better,
        "native": None,
        "host": {key: host[key] for key in figure.host},
        "cells": {
            label: _filled(printed.get(label), figure.bound.get(label), answer)
            for label, answer in zip(labels, answers, strict=True)
        },
    }


def _scenario(cell: Cell | None, label: str, host: Mapping[str, Any]) -> Scenario:
    options = dict(cell.options) if cell else {}
    return Scenario(cell.runtime if cell else label, WORKLOAD, **host, mechanisms=options)


def _answers(predictor: Predictor, quantity: str, scenarios: Sequence[Scenario]) -> list[_Answer]:
    if quantity == "compile_ms":
        prices = quantities()[quantity].entries
        found = [prices[s.resolved_mechanisms["compiled_ahead"]] for s in scenarios]
        return [_given(price) for price in found]
    if quantity == "cost_per_retained":
        return _costs_per_retained(predictor, scenarios)
    if quantity in ("relative_cost", "tco_3y_usd"):
        return [_given(getattr(properties()[s.runtime], quantity)) for s in scenarios]
    summaries = predictor.card.get("instances", {})
    return [_of_instance(quantity, scenario, summaries) for scenario in scenarios]


def _given(figure: Constant) -> _Answer:
    """A figure that nothing predicts: its range, where it has one, is all that is known."""
    span = (figure.low, figure.high) if figure.low < figure.high else None
    return _Answer(figure.value, figure.value, span)


def _of_instance(quantity: str, scenario: Scenario, summaries: Mapping[str, Any]) -> _Answer:
    model = getattr(estimate_instance(scenario, {}), quantity)
    instance = estimate_instance(scenario, summaries)
    found = getattr(instance, quantity)
    # A density is not measured itself; it is as new as the memory that it comes from.
    own = None if quantity == "density_per_host" else found.measured
    return _Answer(
        model.value,
        found.value,
        found.interval,
        measured=own["median"] if own else None,
        sources=len(own["sources"]) if own else 0,
        extrapolating=not (own or (quantity == "density_per_host" and instance.memory_mb.measured)),
    )


def _costs_per_retained(predictor: Predictor, scenarios: Sequence[Scenario]) -> list[_Answer]:
    kept = evaluate(scenarios, constants("reference")).retained
    answers = []
    for prediction, prior in zip(predictor.predict(scenarios), kept, strict=True):
        cost = properties()[prediction.scenario.runtime].relative_cost
        low, high = prediction.interval
        answers.append(
            _Answer(
                cost_per_retained(cost.value, float(prior)),
                cost_per_retained(cost.value, prediction.retained),
                (cost_per_retained(cost.low, high), cost_per_retained(cost.high, low)),
                retained=prediction.retained,
                extrapolating=prediction.novelty.extrapolating,
            )
        )
    return answers


def _filled(cell: Cell | None, bound: str | None, answer: _Answer) -> dict[str, Any]:
    printed = _printed_range(cell, bound) if cell else None
    return {
        "reference": cell.figure if cell else None,
        "reference_range": _finite(printed) if printed and printed[0] < printed[1] else None,
        "model": answer.model,
        "predicted": answer.predicted,
        "interval": list(answer.interval) if answer.interval else None,
        "retained": answer.retained,
        "measured": answer.measured,
        "sources": answer.sources,
        "extrapolating": answer.extrapolating,
        "disagreements": _disagreements(printed, answer),
    }


def _printed_range(cell: Cell, bound: str | None) -> Range:
    """Where a printed figure says the truth lies; a bound is open on one side."""
    return (
        -math.inf if bound == "upper" else cell.low,
        math.inf if bound == "lower" else cell.high,
    )


def _finite(ends: Range) -> list[float | None]:
    return [end if math.isfinite(end) else None for end in ends]


def _disagreements(printed: Range | None, answer: _Answer) -> list[str]:
    found = []
    low, high = answer.interval or (answer.predicted, answer.predicted)
    if printed and (printed[1] < low or printed[0] > high):
        found.append("the reference's figure is outside the interval")
    if answer.measured is not None and not low <= answer.measured <= high:
        found.append("the measured median is outside the interval")
    return found
