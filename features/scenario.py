"""A scenario: what a prediction is asked for. Its construction is the second of the two doors
where input is validated; behind it every value is known to be good."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from features.choices import refusals, settled
from features.errors import InvalidInput, Problem, unknown_name
from features.vocabulary import RESOURCES, vocabulary

HOST_RANGES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "cores": (1.0, 4096.0),
        "memory_gb": (1e-3, 65536.0),
        "network_gbps": (1e-3, 1600.0),
        "storage_iops": (10.0, 1e8),
    }
)
HOST_FIELDS = tuple(HOST_RANGES)

# Beyond these a measured figure is a mistake of unit or direction, not a property of a runtime.
RETAINED_RANGE = (1e-4, 20.0)
# A relative standard deviation beyond this is no spread but a wrong unit.
SPREAD_RANGE = (0.0, 10.0)

# The profile that a caller's demands start from when no workload is named.
OWN_PROFILE = "own"


@dataclass(frozen=True)
class Scenario:
    """A runtime, a workload or a demand profile, a host, and mechanism options.

    `mechanisms` and `demands` hold only what differs from the runtime's preset and the
    workload's profile. A host field that is None is unknown: it is integrated over, never
    defaulted. Raises InvalidInput naming each wrong field.
    """

    runtime: str
    workload: str = OWN_PROFILE
    cores: float | None = None
    memory_gb: float | None = None
    network_gbps: float | None = None
    storage_iops: float | None = None
    mechanisms: Mapping[str, str] = field(default_factory=dict)
    demands: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = [
            *_name_problems(self),
            *_host_problems(self),
            *_mechanism_problems(self),
            *_demand_problems(self),
        ]
        if problems:
            raise InvalidInput(problems)

    @property
    def family(self) -> str:
        """The workload's family; "own" when the caller brought a whole profile."""
        known = vocabulary().workloads.get(self.workload)
        return known.family if known else OWN_PROFILE

    @property
    def resolved_mechanisms(self) -> dict[str, str]:
        """All mechanisms in force: the runtime's preset with this scenario's options."""
        return {**vocabulary().runtimes[self.runtime].preset, **self.mechanisms}

    def mechanism(self, key: str) -> str:
        """The value of one mechanism in force."""
        given = self.mechanisms.get(key)
        return given if given is not None else vocabulary().runtimes[self.runtime].preset[key]

    @property
    def resolved_demands(self) -> dict[str, float]:
        """The whole demand profile: the workload's with this scenario's own numbers."""
        words = vocabulary()
        if self.workload in words.workloads:
            base = dict(words.workloads[self.workload].demands)
        else:
            base = {key: f.default for key, f in words.demand_fields.items()}
        if any(r in self.demands for r in RESOURCES):
            base.update(dict.fromkeys(RESOURCES, 0.0))
        return {**base, **self.demands}

    def under(self, runtime: str) -> Scenario:
        """The same question asked of another runtime, keeping the options it can have."""
        kept, _ = settled(runtime, self.mechanisms)
        return replace(self, runtime=runtime, mechanisms=kept)

    def as_dict(self) -> dict[str, Any]:
        """The scenario as it stands in a document, without what was not given."""
        record: dict[str, Any] = {"runtime": self.runtime}
        if self.workload != OWN_PROFILE:
            record["workload"] = self.workload
        for name in HOST_FIELDS:
            value = getattr(self, name)
            if value is not None:
                record[name] = value
        if self.mechanisms:
            record["mechanisms"] = dict(self.mechanisms)
        if self.demands:
            record["demands"] = dict(self.demands)
        return record


# What a measurement is of: one resource, or whole programs.
RESOURCE_CLASSES = ("cpu", "memory", "network", "storage", "app", "startup")


def resource_class(scenario: Scenario) -> str:
    """The resource that a scenario's workload exercises; "app" for whole programs."""
    return class_of_family(scenario.family)


def class_of_family(family: str) -> str:
    """The resource that the workloads of a family exercise; "app" for whole programs."""
    return family if family in RESOURCE_CLASSES else "app"


def scenario_from_flat(record: Mapping[str, Any]) -> Scenario:
    """A scenario from one flat row: mechanisms and demands as columns named by their key.

    Empty cells (None, "", NaN) are unknown. Text in a number, and a column that is no word of
    the vocabulary, raise InvalidInput.
    """
    words = vocabulary()
    given: dict[str, Any] = {"mechanisms": {}, "demands": {}}
    problems: list[Problem] = []
    for key, value in record.items():
        if is_empty(value):
            continue
        if key in ("runtime", "workload"):
            given[key] = str(value).strip()
        elif key in HOST_RANGES:
            given[key] = read_number(key, value, problems)
        elif key in words.mechanisms:
            given["mechanisms"][key] = str(value).strip()
        elif key in words.demand_fields:
            given["demands"][key] = read_number(key, value, problems)
        else:
            known = [*HOST_FIELDS, *words.mechanisms, *words.demand_fields]
            problems.append(unknown_name(str(key), key, known, "column or option"))
    if "runtime" not in given:
        problems.append(Problem("runtime", "is required"))
    if "workload" not in given and not given["demands"]:
        problems.append(Problem("workload", "is required (or demands in its place)"))
    if problems:
        raise InvalidInput(problems)
    return Scenario(**given)


def is_empty(value: Any) -> bool:
    """Whether a cell says nothing."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def read_number(key: str, value: Any, problems: list[Problem]) -> float | None:
    """A cell as a number; what is none is added to the problems."""
    try:
        return float(value)
    except (TypeError, ValueError):
        problems.append(Problem(key, f"a number is needed, not {str(value)[:40]!r}"))
        return None


def _name_problems(scenario: Scenario) -> list[Problem]:
    words = vocabulary()
    problems = []
    if scenario.runtime not in words.runtimes:
        problems.append(unknown_name("runtime", scenario.runtime, words.runtimes))
    if scenario.workload == OWN_PROFILE:
        if not scenario.demands:
            problems.append(Problem("workload", "is required (or demands in its place)"))
    elif scenario.workload not in words.workloads:
        problems.append(_unknown_workload(scenario.workload))
    return problems


def _unknown_workload(name: str) -> Problem:
    words = vocabulary().workloads
    said = str(name).lower()
    meant = [w.name for w in words.values() if said in w.programs]
    if meant:
        return Problem("workload", f"{said} is a program; its workload is {', '.join(meant)}")
    return unknown_name("workload", name, words)


def _host_problems(scenario: Scenario) -> list[Problem]:
    problems = []
    for name, (low, high) in HOST_RANGES.items():
        value = getattr(scenario, name)
        if value is not None and not _inside(value, low, high):
            problems.append(Problem(name, f"must be {low:g} to {high:g}, not {_shown(value)}"))
    return problems


def _mechanism_problems(scenario: Scenario) -> list[Problem]:
    words = vocabulary()
    problems, known = [], {}
    for key, value in scenario.mechanisms.items():
        name = f"mechanisms.{key}"
        if key not in words.mechanisms:
            problems.append(unknown_name(name, key, words.mechanisms, "mechanism"))
        elif value not in words.mechanisms[key].values:
            problems.append(unknown_name(name, value, words.mechanisms[key].values))
        else:
            known[key] = value
    if known and scenario.runtime in words.runtimes:
        refused = refusals(scenario.runtime, known)
        problems += [Problem(f"mechanisms.{key}", why) for key, why in refused.items()]
    return problems


def _demand_problems(scenario: Scenario) -> list[Problem]:
    fields = vocabulary().demand_fields
    problems = []
    for key, value in scenario.demands.items():
        if key not in fields:
            problems.append(unknown_name(f"demands.{key}", key, fields, "demand"))
        elif not _inside(value, fields[key].low, fields[key].high):
            f = fields[key]
            problems.append(
                Problem(f"demands.{key}", f"must be {f.low:g} to {f.high:g}, not {_shown(value)}")
            )
    shares = [scenario.demands.get(r, 0.0) for r in RESOURCES]
    if not problems and any(r in scenario.demands for r in RESOURCES):
        total = math.fsum(shares)
        if abs(total - 1.0) > 1e-6:
            problems.append(
                Problem("demands", f"the shares of {', '.join(RESOURCES)} sum to {total:g}, not 1")
            )
    return problems


def _inside(value: Any, low: float, high: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and low <= value <= high


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)[:40]
