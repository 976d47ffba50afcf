"""Scenarios as columns: codes of runtimes and mechanisms, demands, and the host with what is not
known of it. One table is what every formula of the prior takes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.scenario import HOST_FIELDS, Scenario
from features.vocabulary import vocabulary

Array = NDArray[np.float64]

# Ranges over which an unknown host field is integrated, log-uniformly: what servers in use have.
UNKNOWN_RANGES: Mapping[str, tuple[float, float]] = {
    "cores": (2.0, 64.0),
    "memory_gb": (8.0, 256.0),
    "network_gbps": (1.0, 100.0),
    "storage_iops": (10_000.0, 1_000_000.0),
}


@dataclass(frozen=True)
class ScenarioTable:
    """n scenarios in columns.

    runtime: (n,) codes; mechanisms: key -> (n,) codes; demands: key -> (n,);
    host: field -> (n,), the middle of the range where unknown; known: field -> (n,) bool.
    """

    runtime: NDArray[np.int64]
    mechanisms: Mapping[str, NDArray[np.int64]]
    demands: Mapping[str, Array]
    host: Mapping[str, Array]
    known: Mapping[str, NDArray[np.bool_]]

    def __len__(self) -> int:
        return len(self.runtime)

    def code(self, by: str) -> NDArray[np.int64]:
        """The codes (n,) of the runtime or of one mechanism; zeros for what depends on nothing."""
        if by == "runtime":
            return self.runtime
        return self.mechanisms[by] if by else np.zeros(len(self), dtype=np.int64)

    def repeated(self, times: int) -> ScenarioTable:
        """Each row `times` times in a row."""
        index = np.repeat(np.arange(len(self)), times)
        return self.take(index)

    def take(self, index: NDArray[np.int64]) -> ScenarioTable:
        """The rows of `index`."""
        return ScenarioTable(
            self.runtime[index],
            {k: v[index] for k, v in self.mechanisms.items()},
            {k: v[index] for k, v in self.demands.items()},
            {k: v[index] for k, v in self.host.items()},
            {k: v[index] for k, v in self.known.items()},
        )

    def with_host(self, field: str, values: Array) -> ScenarioTable:
        """The same rows with one host field replaced."""
        return ScenarioTable(
            self.runtime, self.mechanisms, self.demands, {**self.host, field: values}, self.known
        )


@dataclass(frozen=True)
class _Codes:
    runtimes: Mapping[str, int]
    values: Mapping[str, Mapping[str, int]]
    presets: NDArray[np.int64]
    mechanism_column: Mapping[str, int]
    demand_column: Mapping[str, int]


@cache
def _codes() -> _Codes:
    words = vocabulary()
    values = {k: {v: i for i, v in enumerate(m.values)} for k, m in words.mechanisms.items()}
    presets = np.array(
        [[values[k][r.preset[k]] for k in words.mechanisms] for r in words.runtimes.values()]
    )
    return _Codes(
        {name: i for i, name in enumerate(words.runtimes)},
        values,
        presets,
        {k: i for i, k in enumerate(words.mechanisms)},
        {k: i for i, k in enumerate(words.demand_fields)},
    )


def scenario_table(scenarios: Sequence[Scenario]) -> ScenarioTable:
    """The scenarios (n,) as columns."""
    codes = _codes()
    runtime = np.array([codes.runtimes[s.runtime] for s in scenarios], dtype=np.int64)
    mechanisms = codes.presets[runtime]
    for row, scenario in enumerate(scenarios):
        for key, value in scenario.mechanisms.items():
            mechanisms[row, codes.mechanism_column[key]] = codes.values[key][value]
    demands = np.array([_demand_row(s) for s in scenarios])
    host, known = {}, {}
    for name in HOST_FIELDS:
        given = np.array([_number(getattr(s, name)) for s in scenarios])
        known[name] = np.isfinite(given)
        low, high = UNKNOWN_RANGES[name]
        host[name] = np.where(known[name], given, np.sqrt(low * high))
    return ScenarioTable(
        runtime,
        {k: mechanisms[:, i] for k, i in codes.mechanism_column.items()},
        {k: demands[:, i] for k, i in codes.demand_column.items()},
        host,
        known,
    )


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)


@cache
def _named_row(workload: str) -> tuple[float, ...]:
    return tuple(vocabulary().workloads[workload].demands.values())


def _demand_row(scenario: Scenario) -> tuple[float, ...]:
    if not scenario.demands:
        return _named_row(scenario.workload)
    resolved = scenario.resolved_demands
    return tuple(resolved[key] for key in _codes().demand_column)
