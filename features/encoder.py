"""Scenarios as numbers for the residual model: names, mechanisms, operating point, prior's parts.

One row of the encoding is what the kernels compare. Mechanisms are placed by what they cost (the
logarithms of their constants), so that two paths of like cost are near one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, constants, quantities
from features.integration import ExpectedPrior, expected_prior
from features.prior import PARTS
from features.scenario import HOST_FIELDS, Scenario
from features.table import ScenarioTable, scenario_table
from features.vocabulary import vocabulary

Array = NDArray[np.float64]

NAMES = ("runtime", "family", "workload")
# Quantities whose logarithms place a mechanism, with the spread that counts as one unit.
_COSTS = {
    "call_ns": 2.0,
    "file_call_ns": 2.0,
    "open_call_us": 2.0,
    "socket_call_ns": 2.0,
    "network_latency_us": 1.0,
    "network_ceiling_gbps": 1.0,
    "cipher_cycles_per_byte": 1.0,
    "packet_us": 1.0,
    "storage_latency_us": 1.0,
    "storage_read_share": 0.7,
    "code_slowdown": 0.7,
    "encrypted_io_retained": 0.1,
    "numa_remote_ns": 1.5,
}
_RATIOS = (
    *("network_ceiling_gbps", "storage_read_share", "code_slowdown", "encrypted_io_retained"),
)
_FLAGS = ("translation", "page_size", "pinning", "nested", "wasm_simd", "io_engine", "nic")
_LIBOS = "libos"
_POINT = {
    "payload_bytes": 2.5,
    "pipeline_depth": 1.0,
    "concurrency": 1.5,
    "queue_depth": 1.5,
}
_SHARES = ("simd_share", "aes_share")
_HOST_UNIT = {"cores": 1.5, "memory_gb": 2.0, "network_gbps": 1.5, "storage_iops": 1.5}

MECHANISM_COLUMNS = tuple(f"mechanism.{k}" for k in (*_COSTS, *_FLAGS, _LIBOS))
POINT_COLUMNS = tuple(f"point.{k}" for k in (*_POINT, *_SHARES, *HOST_FIELDS))
PART_COLUMNS = tuple(f"part.{p.name}" for p in PARTS)
COLUMNS = (*NAMES, *MECHANISM_COLUMNS, *POINT_COLUMNS, *PART_COLUMNS, "log_prior")
PARTS_FROM, PARTS_TO = len(COLUMNS) - 1 - len(PART_COLUMNS), len(COLUMNS) - 1


def encoded_log_prior(encoding: Array) -> Array:
    """The log retained (n,) of the reference's prior, from an encoding (n, len(COLUMNS))."""
    return encoding[:, PARTS_FROM:PARTS_TO].sum(axis=1)


def encoded_base(encoding: Array) -> Array:
    """The log retained (n,) of the prior that a residual is added to."""
    return encoding[:, PARTS_TO]


@cache
def _names() -> dict[str, tuple[str, ...]]:
    words = vocabulary()
    families = dict.fromkeys(w.family for w in words.workloads.values())
    return {
        "runtime": tuple(words.runtimes),
        "family": (*families, "own"),
        "workload": (*words.workloads, "own"),
    }


def names_of(column: str) -> tuple[str, ...]:
    """The names behind the codes of a column of NAMES."""
    return _names()[column]


def encode(
    scenarios: Sequence[Scenario], values: Constants | None = None
) -> tuple[Array, ExpectedPrior]:
    """The encoding (n, len(COLUMNS)) of n scenarios, and their prior under a set of constants.

    The parts, by which scenarios are compared, are always those of the reference's set; the last
    column is the prior's log retained under `values`.
    """
    table = scenario_table(scenarios)
    parts = expected_prior(table)
    prior = parts if values is None else expected_prior(table, values)
    codes = {k: {name: i for i, name in enumerate(v)} for k, v in _names().items()}
    names = np.array(
        [
            (codes["runtime"][s.runtime], codes["family"][s.family], codes["workload"][s.workload])
            for s in scenarios
        ],
        dtype=float,
    ).reshape(-1, 3)
    columns = [names, _mechanisms(table), _points(table), parts.log_factors]
    return np.hstack([*columns, prior.log_retained[:, None]]), prior


def _mechanisms(table: ScenarioTable) -> Array:
    values = constants("reference")
    columns = []
    for name, unit in _COSTS.items():
        cost = values[name][table.code(quantities()[name].by)]
        # Ratios and ceilings are never 0; what is added may be.
        columns.append((np.log(cost) if name in _RATIOS else np.log1p(cost)) / unit)
    columns += [table.code(k).astype(float) for k in _FLAGS]
    libos = vocabulary().mechanisms["guest_kernel"].values.index(_LIBOS)
    columns.append((table.code("guest_kernel") == libos).astype(float))
    return np.stack(columns, axis=1)


def _points(table: ScenarioTable) -> Array:
    columns = [np.log1p(table.demands[k]) / unit for k, unit in _POINT.items()]
    columns += [2.0 * table.demands[k] for k in _SHARES]
    columns += [np.log(table.host[k]) / _HOST_UNIT[k] for k in HOST_FIELDS]
    return np.stack(columns, axis=1)
