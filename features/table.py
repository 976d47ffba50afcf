"""Scenarios as columns: codes of runtimes and mechanisms, demands, and the host with what is not
known of it. One table is what every formula of the prior takes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

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
_MIDDLES = np.array([np.sqrt(low * high) for low, high in UNKNOWN_RANGES.values()])

# Structures that are kept: all runtimes with all workloads are about as many.
KEPT_STRUCTURES = 1024


@cache
def coded() -> tuple[str, ...]:
    """What a scenario has a code for: its runtime, each mechanism, and "" for what depends on
    nothing, whose code is 0."""
    return ("runtime", *vocabulary().mechanisms, "")


@dataclass(frozen=True, eq=False)
class Structure:
    """All of a scenario but its host. codes: (coded,); demands: (demand fields,), in the order of
    the vocabulary; profile: the same by name."""

    runtime: str
    workload: str
    mechanisms: tuple[tuple[str, str], ...]
    codes: NDArray[np.int64]
    demands: Array
    profile: Mapping[str, float]


def structure_of(scenario: Scenario) -> Structure:
    """The structure of a scenario. It is worked out once for all hosts that are asked for, and
    the same object while it is kept."""
    return _structure(
        scenario.runtime,
        scenario.workload,
        tuple(scenario.mechanisms.items()),
        tuple(scenario.demands.items()),
    )


@lru_cache(maxsize=KEPT_STRUCTURES)
def _structure(
    runtime: str,
    workload: str,
    mechanisms: tuple[tuple[str, str], ...],
    demands: tuple[tuple[str, float], ...],
) -> Structure:
    bare = Scenario(runtime, workload, mechanisms=dict(mechanisms), demands=dict(demands))
    places = _places()
    codes = [places["runtime"][runtime]]
    codes += [places[key][value] for key, value in bare.resolved_mechanisms.items()]
    profile = bare.resolved_demands
    row = [profile[key] for key in vocabulary().demand_fields]
    return Structure(
        runtime, workload, mechanisms, np.array([*codes, 0]), np.array(row, dtype=float), profile
    )


@cache
def _places() -> Mapping[str, Mapping[str, int]]:
    words = vocabulary()
    values = {key: m.values for key, m in words.mechanisms.items()}
    named = {"runtime": tuple(words.runtimes), **values}
    return {key: {name: i for i, name in enumerate(names)} for key, names in named.items()}


@dataclass(frozen=True)
class ScenarioTable:
    """n scenarios in columns.

    codes: (coded, n); demand_rows: (demand fields, n); host_rows: (host fields, n), the middle of
    the range where unknown; known: (host fields, n) bool.
    """

    codes: NDArray[np.int64]
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

    def code(self, by: str) -> NDArray[np.int64]:
        """The codes (n,) of the runtime or of one mechanism; zeros for what depends on nothing."""
        return self.codes[_code_place()[by]]

    def take(self, index: NDArray[np.int64]) -> ScenarioTable:
        """The rows of `index`."""
        return ScenarioTable(
            self.codes[:, index],
            self.demand_rows[:, index],
            self.host_rows[:, index],
            self.known[:, index],
        )

    def with_codes(self, by: str, codes: NDArray[np.int64]) -> ScenarioTable:
        """The same rows with other codes (n,) of the runtime or of one mechanism."""
        changed = self.codes.copy()
        changed[_code_place()[by]] = codes
        return ScenarioTable(changed, self.demand_rows, self.host_rows, self.known)


@cache
def _code_place() -> Mapping[str, int]:
    return {by: i for i, by in enumerate(coded())}


def scenario_table(scenarios: Sequence[Scenario]) -> ScenarioTable:
    """The scenarios (n,) as columns."""
    structures = [structure_of(s) for s in scenarios]
    # What is unknown is None, which is not a number.
    host = np.array(
        [(s.cores, s.memory_gb, s.network_gbps, s.storage_iops) for s in scenarios], dtype=float
    ).reshape(-1, len(HOST_FIELDS))
    known = np.isfinite(host)
    host = np.where(known, host, _MIDDLES)
    return ScenarioTable(
        np.array([s.codes for s in structures], dtype=np.int64).reshape(-1, len(coded())).T.copy(),
        np.array([s.demands for s in structures]).reshape(-1, len(_demand_fields())).T.copy(),
        host.T.copy(),
        known.T.copy(),
    )


@cache
def _demand_fields() -> tuple[str, ...]:
    return tuple(vocabulary().demand_fields)
