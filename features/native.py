"""What the caller measured on bare metal, and what it becomes where a share of it is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.errors import InvalidInput, Problem, unknown_name
from features.scaling import LAWS, workload_speedup
from features.scenario import HOST_RANGES, Scenario, is_empty, read_number

NATIVE_OPTIONS = ("native_value", "unit", "native_cores", "scaling")
TEXT_OPTIONS = ("unit", "scaling")

MAX_UNIT = 40
UNIT_FORM = f"must be 1 to {MAX_UNIT} characters on one line"
# Far above any benchmark, far below where a quotient stops being a number.
MAX_NATIVE_VALUE = 1e100

# Units of a time, for which less is better; "ms/request" is a time as well.
TIME_UNITS = frozenset(
    ("ns", "us", "\u00b5s", "\u03bcs", "ms", "s")
    + ("nsec", "usec", "msec", "sec", "secs", "min", "h")
    + ("nanoseconds", "microseconds", "milliseconds", "second", "seconds")
    + ("minute", "minutes", "hour", "hours")
)


@dataclass(frozen=True)
class NativeValue:
    """What the caller measured on bare metal; `cores` is how many cores it was measured on, and
    `scaling` whether the work grows with them (features.scaling.LAWS)."""

    value: float
    unit: str
    cores: float | None = None
    scaling: str = LAWS[0]

    @property
    def is_time(self) -> bool:
        """Whether less is better."""
        words = self.unit.split("/")[0].split()
        return bool(words) and words[0].lower() in TIME_UNITS

    def at(self, scenario: Scenario) -> float:
        """The value on the scenario's cores: throughput scales by Amdahl's law (F1), or by
        Gustafson's (F2) where the work grows, over the capacity of the processors."""
        if self.cores is None or self.cores == scenario.cores:
            return self.value
        parallel = np.array(scenario.resolved_demands["parallel"])
        cores = np.array([self.cores, scenario.cores], dtype=float)
        measured, asked = workload_speedup(parallel, cores, law=self.scaling)
        return self.value * float(asked / measured)

    def under(self, base: float, retained: float) -> float:
        """What a native value of `base` becomes where `retained` of its performance is kept."""
        return base / retained if self.is_time else base * retained


def is_unit(text: str) -> bool:
    """Whether a text can be shown as a unit."""
    return bool(text.strip()) and len(text) <= MAX_UNIT and text.isprintable()


def native_value(options: Mapping[str, Any], cores: float | None) -> NativeValue | None:
    """The native value among the options of a question asked of `cores`; None without one.

    Raises InvalidInput naming each wrong option.
    """
    value, unit = options.get("native_value"), options.get("unit")
    measured_on, law = options.get("native_cores"), options.get("scaling", LAWS[0])
    if value is None:
        given = [name for name in NATIVE_OPTIONS[1:] if name in options]
        problems = [Problem(name, "means nothing without native_value") for name in given]
        if problems:
            raise InvalidInput(problems)
        return None
    problems = []
    if not 0 < value <= MAX_NATIVE_VALUE:
        said = f"must be above 0 and at most {MAX_NATIVE_VALUE:g}"
        problems.append(Problem("native_value", said))
    if unit is None:
        problems.append(Problem("unit", "is required with native_value, e.g. requests/s or ms"))
        raise InvalidInput(problems)
    if not is_unit(unit):
        problems.append(Problem("unit", UNIT_FORM))
    if law not in LAWS:
        problems.append(unknown_name("scaling", law, LAWS))
    elif "scaling" in options and measured_on is None:
        problems.append(Problem("scaling", "means nothing without native_cores"))
    native = NativeValue(value, unit.strip(), measured_on, law)
    problems += _core_problems(native, cores)
    if problems:
        raise InvalidInput(problems)
    return native


def _core_problems(native: NativeValue, cores: float | None) -> list[Problem]:
    if native.cores is None or native.cores == cores:
        return []
    problems = []
    low, high = HOST_RANGES["cores"]
    if not low <= native.cores <= high:
        problems.append(Problem("native_cores", f"must be {low:g} to {high:g}"))
    if cores is None:
        problems.append(Problem("cores", "is required with native_cores"))
    elif native.is_time:
        said = f"a time in {native.unit} cannot be scaled from other cores: measure it on these"
        problems.append(Problem("native_cores", said))
    return problems


def split_flat(
    record: Mapping[str, Any], names: Iterable[str], problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is given of a flat record: the scenario's columns, and the options called `names`,
    numbers read as such. What is no number is added to the problems and left out."""
    rest = {key: value for key, value in record.items() if not is_empty(value)}
    options: dict[str, Any] = {}
    for name in [name for name in names if name in rest]:
        given = rest.pop(name)
        if name in TEXT_OPTIONS:
            options[name] = str(given)
            continue
        number = read_number(name, given, problems)
        if number is not None:
            options[name] = number
    return rest, options
