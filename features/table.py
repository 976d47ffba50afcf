"""Scenarios as columns: codes of runtimes and mechanisms, demands, and the host with what is not
known of it. One table is what every formula of the prior takes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from features.scenario import (
    HOST_FIELDS,
    OWN_PROFILE,
    RESOURCE_CLASSES,
    Scenario,
    class_of_family,
)
from features.vocabulary import vocabulary

Array = NDArray[np.float64]

# Ranges over which an unknown host field is integrated, log-uniformly: what servers in use have.
UNKNOWN_RANGES: Mapping[str, tuple[float, float]] = {
    "cores": (2.0, 64.0),
    "memory_gb": (8.0, 256.0),
    "network_gbps": (1.0, 100.0),
    "storage_iops": (10_000.0, 1_000_000.0),
}
_MIDDLES = np.array([np.sqrt(low * high) for low, high in UNKNOWN_RANGES.values()])


@cache
def coded() -> tuple[str, ...]:
    """What a scenario has a code for: its runtime, each mechanism, and "" for what depends on
    nothing, whose code is 0."""
    return ("runtime", *vocabulary().mechanisms, "")


@cache
def workload_families() -> Mapping[str, str]:
    """The workloads in the order of their places in a table, each with its family; the last is
    "own", a caller's own profile."""
    return {**{w.name: w.family for w in vocabulary().workloads.values()}, OWN_PROFILE: OWN_PROFILE}


@dataclass(frozen=True)
class ScenarioTable:
    """n scenarios in columns.

    codes: (coded, n); workload: (n,) places in workload_families; demand_rows: (demand fields, n);
    host_rows: (host fields, n), the middle of the range where unknown; known: (host fields, n)
    bool.
    """

    codes: NDArray[np.int64]
    workload: NDArray[np.int64]
    demand_rows: Array
    host_rows: Array
    known: NDArray[np.bool_]

    def __len__(self) -> int:
        return self.codes.shape[1]

    @cached_property
    def demands(self) -> Mapping[str, Array]:
        """Demand field -> (n,)."""
        return dict(zip(vocabulary().demand_fields, self.demand_rows, strict=True))

    @cached_property
    def host(self) -> Mapping[str, Array]:
        """Host field -> (n,)."""
        return dict(zip(HOST_FIELDS, self.host_rows, strict=True))

    @cached_property
    def resource(self) -> NDArray[np.int64]:
        """The codes (n,) in RESOURCE_CLASSES of what the workloads exercise."""
        return _resources()[self.workload]

    def code(self, by: str) -> NDArray[np.int64]:
        """The codes (n,) of the runtime or of one mechanism; zeros for what depends on nothing."""
        return self.codes[_code_place()[by]]

    def take(self, index: NDArray[np.int64]) -> ScenarioTable:
        """The rows of `index`."""
        return ScenarioTable(
            self.codes[:, index],
            self.workload[index],
            self.demand_rows[:, index],
            self.host_rows[:, index],
            self.known[:, index],
        )


@cache
def _code_place() -> Mapping[str, int]:
    return {by: i for i, by in enumerate(coded())}


@cache
def _resources() -> NDArray[np.int64]:
    classes = [class_of_family(family) for family in workload_families().values()]
    return np.array([RESOURCE_CLASSES.index(name) for name in classes], dtype=np.int64)


@dataclass(frozen=True)
class Named:
    """What names stand for: runtime -> its column of the presets (coded, runtimes); key -> (place,
    value -> code) of a mechanism; workload -> its column of the profiles (demand fields,
    workloads), the last of which holds the defaults that a caller's own profile starts from."""

    runtimes: Mapping[str, int]
    presets: NDArray[np.int64]
    mechanisms: Mapping[str, tuple[int, Mapping[str, int]]]
    workloads: Mapping[str, int]
    profiles: Array


@cache
def named() -> Named:
    """What the words of the vocabulary stand for in a table."""
    words = vocabulary()
    values = {k: {v: i for i, v in enumerate(m.values)} for k, m in words.mechanisms.items()}
    runtimes = {name: i for i, name in enumerate(words.runtimes)}
    presets = [
        (runtimes[name], *(values[k][r.preset[k]] for k in values), 0)
        for name, r in words.runtimes.items()
    ]
    profiles = [tuple(w.demands.values()) for w in words.workloads.values()]
    profiles.append(tuple(field.default for field in words.demand_fields.values()))
    return Named(
        runtimes,
        np.array(presets).T.copy(),
        {key: (_code_place()[key], codes) for key, codes in values.items()},
        {name: i for i, name in enumerate(workload_families())},
        np.array(profiles).T.copy(),
    )


def scenario_table(scenarios: Sequence[Scenario]) -> ScenarioTable:
    """The scenarios (n,) as columns."""
    names = named()
    runtimes = np.array([names.runtimes[s.runtime] for s in scenarios], dtype=np.int64)
    workloads = np.array([names.workloads[s.workload] for s in scenarios], dtype=np.int64)
    codes = names.presets.take(runtimes, axis=1)
    demands = names.profiles.take(workloads, axis=1)
    for column, scenario in enumerate(scenarios):
        for key, value in scenario.mechanisms.items():
            place, values = names.mechanisms[key]
            codes[place, column] = values[value]
        if scenario.demands:
            demands[:, column] = tuple(scenario.resolved_demands.values())
    # What is unknown is None, which is not a number.
    host = np.array(
        [
            [s.cores for s in scenarios],
            [s.memory_gb for s in scenarios],
            [s.network_gbps for s in scenarios],
            [s.storage_iops for s in scenarios],
        ],
        dtype=float,
    )
    return ScenarioTable(codes, workloads, demands, *known_hosts(host))


def known_hosts(host: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Rows of a table's hosts (host fields, n), with the middles in place of what is NaN, and
    what is known of them."""
    known = np.isfinite(host)
    return np.where(known, host, _MIDDLES[:, None]), known
