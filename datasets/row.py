"""One measurement as one flat record of text cells, both ways."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.measurement import ORIGINS, Measurement
from datasets.units import KNOWN_UNITS, canonical_unit
from features.errors import InvalidInput, Problem, unknown_name
from features.scenario import (
    HOST_FIELDS,
    RESOURCE_CLASSES,
    RETAINED_RANGE,
    SPREAD_RANGE,
    Scenario,
    resource_class,
    scenario_from_flat,
)
from features.vocabulary import vocabulary

REQUIRED_COLUMNS = ("runtime", "workload", "retained", "source")
FRONT_COLUMNS = ("id", "source", "origin", "runtime", "workload", *HOST_FIELDS)
REAR_COLUMNS = (
    "baseline_runtime",
    "baseline_options",
    "retained",
    "value",
    "baseline_value",
    "unit",
    "metric",
    "spread",
    "repeats",
    "resource",
    "caution",
    "benchmark",
    "detail",
    "year",
)


@dataclass(frozen=True)
class Span:
    """The numbers that a column may hold: positive, or zero where that means something."""

    low: float = 0.0
    high: float = math.inf
    zero: bool = False
    whole: bool = False

    def holds(self, numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each (n,) is one of them, but for being whole."""
        inside = np.isfinite(numbers) & (self.low <= numbers) & (numbers <= self.high)
        return inside & ((numbers > 0.0) | self.zero)


SPANS = {
    "retained": Span(*RETAINED_RANGE),
    "value": Span(),
    "baseline_value": Span(),
    "spread": Span(*SPREAD_RANGE, zero=True),
    "repeats": Span(1, 10**9, whole=True),
    "year": Span(1960, 2100, whole=True),
}

# How far `retained` may be from value / baseline_value, for figures that were rounded.
AGREEMENT = math.log(1.02)
_OPTION_FORM = "options are KEY=VALUE, several separated by ';'"


def all_columns() -> tuple[str, ...]:
    """Every column that a table of measurements may have."""
    words = vocabulary()
    return (*FRONT_COLUMNS, *words.mechanisms, *words.demand_fields, *REAR_COLUMNS)


def measurement_from_record(record: Mapping[str, str], default_id: str) -> Measurement:
    """A measurement from one row of text cells; raises InvalidInput naming every wrong cell."""
    cells = {key: value for key, value in record.items() if value != ""}
    problems = [
        Problem(column, "is required and empty")
        for column in REQUIRED_COLUMNS
        if column not in cells
    ]
    read = _Cells(cells, problems)
    retained = read.number("retained")
    value, baseline_value = read.number("value"), read.number("baseline_value")
    spread = read.number("spread")
    repeats, year = read.whole("repeats"), read.whole("year")
    origin = read.word("origin", ORIGINS, "measured")
    unit = read.unit()
    if retained and value and baseline_value:
        problems += _disagreement(retained, value / baseline_value)
    scenario = read.scenario()
    resource = read.word("resource", RESOURCE_CLASSES, resource_class(scenario) if scenario else "")
    baseline = read.baseline(scenario)
    if problems or scenario is None or retained is None:
        raise InvalidInput(problems)
    text = {
        key: cells.get(key, "") for key in ("source", "metric", "caution", "benchmark", "detail")
    }
    return Measurement(
        id=cells.get("id", default_id),
        scenario=scenario,
        retained=retained,
        origin=origin,
        resource=resource,
        baseline=baseline,
        value=value,
        baseline_value=baseline_value,
        unit=unit,
        spread=spread,
        repeats=repeats,
        year=year,
        **text,
    )


def record_from_measurement(row: Measurement) -> dict[str, str]:
    """The text cells of a measurement; what is unknown is left out."""
    scenario = row.scenario
    record: dict[str, Any] = {
        key: getattr(row, key)
        for key in ("id", "source", "origin", *REAR_COLUMNS)
        if key not in ("baseline_runtime", "baseline_options")
    }
    record.update(runtime=scenario.runtime, workload=scenario.workload)
    record.update({key: getattr(scenario, key) for key in HOST_FIELDS})
    record.update(scenario.mechanisms)
    record.update(scenario.demands)
    record["baseline_runtime"] = row.baseline.runtime if row.baseline else "native"
    if row.baseline:
        record["baseline_options"] = ";".join(
            f"{key}={value}" for key, value in row.baseline.mechanisms.items()
        )
    return {key: text_of(value) for key, value in record.items() if value not in (None, "")}


def duplicate_key(row: Measurement) -> Hashable:
    """What two rows share when they tell the same measurement twice."""
    return (
        row.source,
        _scenario_key(row.scenario),
        _scenario_key(row.baseline) if row.baseline else None,
        row.benchmark,
        row.metric,
        row.detail,
        row.value if row.value is not None else row.retained,
        row.baseline_value,
    )


def _scenario_key(scenario: Scenario) -> Hashable:
    return (
        scenario.runtime,
        scenario.workload,
        *(getattr(scenario, key) for key in HOST_FIELDS),
        tuple(sorted(scenario.mechanisms.items())),
        tuple(sorted(scenario.demands.items())),
    )


def text_of(value: Any) -> str:
    """A value as the text of a cell."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _disagreement(retained: float, ratio: float) -> list[Problem]:
    apart = min(abs(math.log(retained / ratio)), abs(math.log(retained * ratio)))
    if apart <= AGREEMENT:
        return []
    return [
        Problem(
            "retained",
            f"{retained:g} disagrees with the values: value / baseline_value is {ratio:.4g} "
            f"(its inverse, where lower is better, {1 / ratio:.4g})",
        )
    ]


def options_in(text: str, problems: list[Problem]) -> dict[str, str]:
    """The mechanisms of a cell of KEY=VALUE;KEY=VALUE."""
    options = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals:
            said = f"{part.strip()[:40]!r}: {_OPTION_FORM}"
            problems.append(Problem("baseline_options", said))
            continue
        options[key.strip()] = value.strip()
    return options


class _Cells:
    """The cells of one row, read with every problem noted instead of raised."""

    def __init__(self, cells: Mapping[str, str], problems: list[Problem]) -> None:
        self.cells = cells
        self.problems = problems

    def number(self, key: str) -> float | None:
        """A number inside its column's span."""
        text = self.cells.get(key)
        if text is None:
            return None
        try:
            number = float(text)
        except ValueError:
            self.problems.append(Problem(key, f"a number is needed, not {text[:40]!r}"))
            return None
        span = SPANS[key]
        if not span.holds(np.array(number)):
            said = "above 0" if math.isinf(span.high) else f"{span.low:g} to {span.high:g}"
            self.problems.append(Problem(key, f"must be {said}, not {text[:40]}"))
            return None
        return number

    def whole(self, key: str) -> int | None:
        """A whole number inside its column's span."""
        number = self.number(key)
        if number is not None and not number.is_integer():
            self.problems.append(Problem(key, f"a whole number is needed, not {number:g}"))
            return None
        return None if number is None else int(number)

    def word(self, key: str, known: tuple[str, ...], default: str) -> str:
        """One of a few words."""
        text = self.cells.get(key, default)
        if key in self.cells and text not in known:
            self.problems.append(unknown_name(key, text, known))
        return text

    def unit(self) -> str:
        """The unit in its one spelling."""
        text = self.cells.get("unit", "")
        unit = canonical_unit(text) if text else ""
        if unit is None:
            self.problems.append(unknown_name("unit", text, KNOWN_UNITS))
            return ""
        return unit

    def scenario(self) -> Scenario | None:
        """The scenario of the row's own columns."""
        words = vocabulary()
        keys = ("runtime", "workload", *HOST_FIELDS, *words.mechanisms, *words.demand_fields)
        if not all(key in self.cells for key in ("runtime", "workload")):
            return None
        try:
            return scenario_from_flat({k: self.cells[k] for k in keys if k in self.cells})
        except InvalidInput as error:
            self.problems += error.problems
            return None

    def baseline(self, scenario: Scenario | None) -> Scenario | None:
        """What was compared with: None for bare metal, else the same scenario elsewhere."""
        runtime = self.cells.get("baseline_runtime", "native")
        options = options_in(self.cells.get("baseline_options", ""), self.problems)
        if runtime == "native":
            if options:
                self.problems.append(
                    Problem("baseline_options", "need a baseline_runtime other than native")
                )
            return None
        if runtime not in vocabulary().runtimes:
            self.problems.append(unknown_name("baseline_runtime", runtime, vocabulary().runtimes))
            return None
        if scenario is None:
            return None
        try:
            return Scenario(
                runtime,
                scenario.workload,
                scenario.cores,
                scenario.memory_gb,
                scenario.network_gbps,
                scenario.storage_iops,
                mechanisms=options,
                demands=dict(scenario.demands),
            )
        except InvalidInput as error:
            self.problems += [
                Problem(f"baseline_options, {p.field}", p.message) for p in error.problems
            ]
            return None
