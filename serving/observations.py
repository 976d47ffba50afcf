"""A caller's own measurements at the door: in a request's `observations`, or as a CSV file.

A file has the form of the tables of measurements; columns that only describe are let through.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from features.errors import InvalidInput, Problem
from features.files import shown
from features.native import MAX_NATIVE_VALUE, UNIT_FORM, NativeValue, is_unit
from features.scenario import (
    HOST_FIELDS,
    RETAINED_RANGE,
    SPREAD_RANGE,
    Scenario,
    scenario_from_flat,
)
from features.vocabulary import vocabulary
from models.conditioning import Observation
from serving.fields import Finite, ScenarioFields, Text
from serving.flat import read_rows
from serving.questions import collect

MAX_OBSERVATIONS = 200
# Of a file on the caller's own machine: what a full run of `nearmetal measure` writes, and more.
MAX_FILE_ROWS = 1_000
MAX_REPEATS = 10**9

_FIGURES = ("retained", "value", "baseline_value", "unit", "spread", "repeats")
_NUMBERS = ("retained", "value", "baseline_value", "spread", "repeats")
# What a table of measurements says of a row beside the figures; nothing is learned from it here.
_DESCRIBING = ("id", "source", "metric", "resource", "caution", "benchmark", "detail", "year")
# What a table may say of a row's kind, and the only value that a caller's own row can have.
_KINDS = {"origin": "measured", "baseline_runtime": "native", "baseline_options": ""}
# How far `retained` may be from the values, for figures that were rounded.
_AGREEMENT = math.log(1.02)


class ObservationBody(ScenarioFields):
    """A measurement on the caller's own rig: what was kept of bare metal there, or both values."""

    runtime: Text = Field(description="an isolation technology", examples=["gvisor"])
    retained: Finite | None = Field(
        default=None,
        description="relative to bare metal on the same rig; or value and baseline_value",
        json_schema_extra={"minimum": RETAINED_RANGE[0], "maximum": RETAINED_RANGE[1]},
    )
    value: Finite | None = Field(default=None, description="what was measured, in unit")
    baseline_value: Finite | None = Field(
        default=None, description="what bare metal reached, in unit"
    )
    unit: Text | None = Field(default=None, description="in ns, us, ms or s less is better")
    spread: Finite | None = Field(default=None, description="relative standard deviation")
    repeats: int | None = Field(default=None, description="how many runs it is the mean of")


def observations_of(bodies: Sequence[ObservationBody]) -> tuple[Observation, ...]:
    """The observations of a request. Raises InvalidInput naming `observations[i].field`."""
    made: list[Observation] = []
    problems: list[Problem] = []
    for place, body in enumerate(bodies):
        given = {name: getattr(body, name) for name in body.model_fields_set}
        given = {name: value for name, value in given.items() if value is not None}
        figures = {name: given.pop(name) for name in _FIGURES if name in given}
        wrong: list[Problem] = []
        found = _observation(wrong, partial(Scenario, **given), figures)
        if found is not None:
            made.append(found)
        problems += [Problem(f"observations[{place}].{p.field}", p.message) for p in wrong]
    if problems:
        raise InvalidInput(problems)
    return tuple(made)


def read_observations(path: Path) -> tuple[Observation, ...]:
    """The observations of a CSV file. Raises InvalidInput naming the file and each bad row."""
    words = vocabulary()
    known = ["runtime", "workload", *HOST_FIELDS, *words.mechanisms, *words.demand_fields]
    known += [*_FIGURES, *_DESCRIBING, *_KINDS]
    made = read_rows(path, _from_cells, known, "observations")
    if not made:
        raise InvalidInput([Problem("observations", f"{shown(path)} has no rows")])
    if len(made) > MAX_FILE_ROWS:
        said = f"{shown(path)} has {len(made)} rows; at most {MAX_FILE_ROWS} are taken"
        raise InvalidInput([Problem("observations", said)])
    return tuple(observation for _, observation in made)


def _from_cells(row: Mapping[str, Any]) -> Observation:
    cells = {key: value for key, value in row.items() if value and key not in _DESCRIBING}
    problems = []
    for key, right in _KINDS.items():
        if (found := cells.pop(key, right)) != right:
            said = f"must be {right or 'empty'} in an own measurement, not {found[:40]!r}"
            problems.append(Problem(key, said))
    figures: dict[str, Any] = {key: cells.pop(key) for key in _FIGURES if key in cells}
    for key in [key for key in _NUMBERS if key in figures]:
        try:
            figures[key] = float(figures[key])
        except ValueError:
            problems.append(Problem(key, f"a number is needed, not {figures.pop(key)[:40]!r}"))
    made = _observation(problems, partial(scenario_from_flat, cells), figures)
    if made is None:
        raise InvalidInput(problems)
    return made


def _observation(
    problems: list[Problem], make: Callable[[], Scenario], figures: Mapping[str, Any]
) -> Observation | None:
    """An observation, or None with every problem added to those that were found before."""
    scenario = collect(problems, make)
    if scenario is not None and scenario.runtime == "native":
        said = "bare metal is what is compared with; measure an isolated runtime"
        problems.append(Problem("runtime", said))
    retained = _retained(problems, figures)
    spread, repeats = figures.get("spread"), figures.get("repeats")
    if spread is not None and not SPREAD_RANGE[0] <= spread <= SPREAD_RANGE[1]:
        said = f"must be {SPREAD_RANGE[0]:g} to {SPREAD_RANGE[1]:g}, not {spread:g}"
        problems.append(Problem("spread", said))
    if repeats is not None and not (1 <= repeats <= MAX_REPEATS and float(repeats).is_integer()):
        problems.append(Problem("repeats", "must be a whole number from 1 on"))
    if problems or scenario is None or retained is None:
        return None
    return Observation(scenario, retained, spread, None if repeats is None else int(repeats))


def _retained(problems: list[Problem], figures: Mapping[str, Any]) -> float | None:
    """What was kept, given as such or by both values. Lower is better where the unit is a time."""
    wrong = len(problems)
    low, high = RETAINED_RANGE
    retained, ratio = figures.get("retained"), _ratio(problems, figures)
    if retained is not None and not low <= retained <= high:
        problems.append(Problem("retained", f"must be {low:g} to {high:g}, not {retained:g}"))
    elif retained is not None and ratio and abs(math.log(retained / ratio)) > _AGREEMENT:
        said = f"{retained:g} disagrees with the values, which keep {ratio:.4g}"
        problems.append(Problem("retained", said))
    elif retained is None and ratio and not low <= ratio <= high:
        said = f"the values keep {ratio:.4g}, which is not {low:g} to {high:g}; is the unit right?"
        problems.append(Problem("value", said))
    elif retained is None and ratio is None and not problems:
        said = "is required, or value, baseline_value and unit"
        problems.append(Problem("retained", said))
    return (retained or ratio) if len(problems) == wrong else None


def _ratio(problems: list[Problem], figures: Mapping[str, Any]) -> float | None:
    named = [name for name in ("value", "baseline_value", "unit") if name in figures]
    if "retained" in figures and len(named) < 3:
        return None  # a raw figure beside the ratio only describes it
    if not named:
        return None
    missing = [name for name in ("value", "baseline_value", "unit") if name not in figures]
    problems += [Problem(name, f"is required with {named[0]}") for name in missing]
    for name in ("value", "baseline_value"):
        if name in figures and not 0 < figures[name] <= MAX_NATIVE_VALUE:
            said = f"must be above 0 and at most {MAX_NATIVE_VALUE:g}"
            problems.append(Problem(name, said))
            missing.append(name)
    if "unit" in figures and not is_unit(figures["unit"]):
        problems.append(Problem("unit", UNIT_FORM))
        missing.append("unit")
    if missing:
        return None
    ratio = float(figures["value"]) / float(figures["baseline_value"])
    return 1.0 / ratio if NativeValue(1.0, figures["unit"]).is_time else ratio
