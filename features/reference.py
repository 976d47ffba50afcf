"""The reference's printed cells, each with the scenario it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from features.scenario import Scenario
from features.vocabulary import read_toml

SECTIONS = (
    "cpu",
    "memory",
    "network",
    "storage",
    "overall",
    "confidential",
    "startup",
    "cost",
)
QUANTITIES = (
    *("start_ms", "compile_ms", "memory_mb", "density_per_host"),
    *("relative_cost", "cost_per_retained", "tco_3y_usd"),
)


@dataclass(frozen=True)
class Cell:
    """One printed figure: the range it was given in (both ends alike for a single figure), in the
    metric's unit, and why the prior may differ from it ("" where it may not)."""

    label: str
    runtime: str
    low: float
    high: float
    options: Mapping[str, str]
    erratum: str

    @property
    def figure(self) -> float:
        """The figure, or the middle of its range."""
        return 0.5 * (self.low + self.high)


@dataclass(frozen=True)
class Metric:
    """One row of a table of the reference.

    Where `base` names a runtime, its cells are relative to the same scenario with these options
    and not to bare metal: what an option gains.
    """

    section: str
    table: str
    place: str
    name: str
    unit: str
    better: str
    native: float
    workload: str
    demands: Mapping[str, float]
    host: Mapping[str, float]
    options: Mapping[str, Mapping[str, str]]
    base: Mapping[str, Mapping[str, str]]
    cells: tuple[Cell, ...]

    @property
    def aspect(self) -> str:
        """Its class in the reference's taxonomy (T1, 1.3)."""
        return aspect_of(self.unit)

    def retained(self, value: float) -> float:
        """A figure in the metric's unit as performance relative to native."""
        return value / self.native if self.better == "high" else self.native / value

    def value(self, retained: float) -> float:
        """The inverse of retained."""
        return self.native * retained if self.better == "high" else self.native / retained

    def scenario(
        self, runtime: str, host: Mapping[str, Any], options: Mapping[str, str]
    ) -> Scenario:
        """The scenario of this row for a runtime on a host; the row's own host fields win."""
        return Scenario(
            runtime,
            self.workload,
            **{k: float(v) for k, v in {**host, **self.host}.items() if v is not None},
            mechanisms={**self.options.get(runtime, {}), **options},
            demands=dict(self.demands),
        )

    def base_scenario(self, runtime: str, host: Mapping[str, Any]) -> Scenario | None:
        """What the cells of a runtime are relative to; None for bare metal."""
        if runtime not in self.base:
            return None
        asked = self.scenario(runtime, host, {})
        return replace(asked, mechanisms=dict(self.base[runtime]))


@cache
def _taxonomy() -> Mapping[str, str]:
    classes = read_toml("reference.toml")["taxonomy"]
    return {unit: aspect for aspect, units in classes.items() for unit in units}


def aspect_of(unit: str) -> str:
    """The class of metrics (T1, reference 1.3) that a unit of the tables belongs to."""
    return _taxonomy()["% of" if unit.startswith("% of") else unit]


@dataclass(frozen=True)
class Figure:
    """One row of a table that is not relative to bare metal: a quantity of one instance.

    bound: label of a cell that was printed as a bound -> upper or lower. host: fields that the
    row's own figures imply.
    """

    section: str
    table: str
    place: str
    name: str
    unit: str
    better: str
    quantity: str
    host: Mapping[str, float]
    cells: tuple[Cell, ...]
    bound: Mapping[str, str]


@cache
def reference_figures() -> tuple[Figure, ...]:
    """The rows of the shipped tables that are in units of their own, as they stand."""
    return tuple(_figure(entry) for entry in read_toml("reference.toml")["figure"])


def _figure(entry: Mapping[str, Any]) -> Figure:
    bound = entry.get("bound", {})
    known = entry["section"] in SECTIONS and entry["quantity"] in QUANTITIES
    if not known or set(bound) - set(entry["cells"]):
        raise ValueError(f"reference.toml, {entry['name']}: section, quantity or bound")
    return Figure(
        **{k: entry[k] for k in ("section", "table", "place", "name", "unit", "better")},
        quantity=entry["quantity"],
        host=MappingProxyType({k: float(v) for k, v in entry.get("host", {}).items()}),
        cells=tuple(_cell(label, figure, {}) for label, figure in entry["cells"].items()),
        bound=MappingProxyType(bound),
    )


@cache
def reference_host() -> Mapping[str, float]:
    """The host of the reference's tables."""
    return MappingProxyType({k: float(v) for k, v in read_toml("reference.toml")["host"].items()})


@cache
def reference_metrics() -> tuple[Metric, ...]:
    """All rows of the shipped tables, in the order of the reference."""
    return tuple(_metric(entry) for entry in read_toml("reference.toml")["metric"])


def _metric(entry: Mapping[str, Any]) -> Metric:
    errata = entry.get("erratum", {})
    unknown = set(errata) - {label.split()[0] for label in entry["cells"]}
    if entry["section"] not in SECTIONS or unknown:
        raise ValueError(f"reference.toml, {entry['name']}: section or erratum of {unknown}")
    return Metric(
        **{k: entry[k] for k in ("section", "table", "place", "name", "unit", "better")},
        native=float(entry["native"]),
        workload=entry["workload"],
        demands=MappingProxyType(entry.get("demands", {})),
        host=MappingProxyType(entry.get("host", {})),
        options=MappingProxyType(entry.get("options", {})),
        base=MappingProxyType(entry.get("base", {})),
        cells=tuple(_cell(label, figure, errata) for label, figure in entry["cells"].items()),
    )


def _cell(label: str, figure: float | list[float], errata: Mapping[str, str]) -> Cell:
    runtime, _, option = label.partition(" ")
    key, _, value = option.partition("=")
    low, high = figure if isinstance(figure, list) else (figure, figure)
    return Cell(
        label,
        runtime,
        float(low),
        float(high),
        MappingProxyType({key: value} if option else {}),
        errata.get(label, ""),
    )
