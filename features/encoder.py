"""Scenarios as numbers for the residual model: names, mechanisms, operating point, prior's parts.

One row of the encoding is what the kernels compare. Mechanisms are placed by what they cost (the
logarithms of their constants), so that two paths of like cost are near one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, ConstantSets, constants, quantities
from features.integration import ExpectedPrior, expected_priors
from features.prior import PARTS
from features.scenario import HOST_FIELDS, Scenario
from features.table import ScenarioTable, coded, scenario_table, workload_families
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
_POINT_UNITS = np.array(list(_POINT.values()))
_SHARES = ("simd_share", "aes_share")
_HOST_UNIT = {"cores": 1.5, "memory_gb": 2.0, "network_gbps": 1.5, "storage_iops": 1.5}
_HOST_UNITS = np.array([_HOST_UNIT[name] for name in HOST_FIELDS])

MECHANISM_COLUMNS = tuple(f"mechanism.{k}" for k in (*_COSTS, *_FLAGS, _LIBOS))
POINT_COLUMNS = tuple(f"point.{k}" for k in (*_POINT, *_SHARES, *HOST_FIELDS))
PART_COLUMNS = tuple(f"part.{p.name}" for p in PARTS)
COLUMNS = (*NAMES, *MECHANISM_COLUMNS, *POINT_COLUMNS, *PART_COLUMNS, "log_prior")
_POINTS_FROM = len(NAMES) + len(MECHANISM_COLUMNS)
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
    families = workload_families()
    return {
        "runtime": tuple(words.runtimes),
        "family": tuple(dict.fromkeys(families.values())),
        "workload": tuple(families),
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
    sets = [constants()] if values is None else [constants(), values]
    priors = expected_priors(table, ConstantSets(sets))
    return encoding_of(table, priors[0], priors[-1]), priors[-1]


def encoding_of(table: ScenarioTable, parts: ExpectedPrior, prior: ExpectedPrior) -> Array:
    """The encoding (n, len(COLUMNS)) of n scenarios, from their prior under the reference's
    constants (`parts`) and under those that a residual is added to."""
    encoding = np.empty((len(table), len(COLUMNS)))
    encoding[:, 0] = table.code("runtime")
    encoding[:, 1] = _family_codes()[table.workload]
    encoding[:, 2] = table.workload
    told = _mechanism_columns()
    encoding[:, len(NAMES) : _POINTS_FROM] = told.values[told.start + table.codes[told.rows].T]
    point, shares = _demand_places()
    columns = encoding.T[_POINTS_FROM:PARTS_FROM]
    columns[: len(_POINT)] = np.log1p(table.demand_rows[point]) / _POINT_UNITS[:, None]
    columns[len(_POINT) : -len(HOST_FIELDS)] = 2.0 * table.demand_rows[shares]
    columns[-len(HOST_FIELDS) :] = np.log(table.host_rows) / _HOST_UNITS[:, None]
    encoding[:, PARTS_FROM:PARTS_TO] = parts.log_factors
    encoding[:, PARTS_TO] = prior.log_retained
    return encoding


@cache
def _demand_places() -> tuple[list[int], list[int]]:
    """Rows of a table's demands that _POINT and _SHARES take."""
    fields = list(vocabulary().demand_fields)
    return [fields.index(k) for k in _POINT], [fields.index(k) for k in _SHARES]


@cache
def _family_codes() -> NDArray[np.int64]:
    """The codes of the families of workloads, by the workloads' places."""
    families = names_of("family")
    return np.array([families.index(family) for family in workload_families().values()])


@dataclass(frozen=True)
class _MechanismColumns:
    """What each of MECHANISM_COLUMNS is for each code of the one thing that it depends on.

    rows: (columns,) the row of a table's codes; start: (columns,) where in `values` it begins.
    """

    rows: NDArray[np.int64]
    start: NDArray[np.int64]
    values: Array


@cache
def _mechanism_columns() -> _MechanismColumns:
    reference, mechanisms = constants("reference"), vocabulary().mechanisms
    by, tables = [], []
    for name, unit in _COSTS.items():
        cost = reference[name]
        by.append(quantities()[name].by)
        # Ratios and ceilings are never 0; what is added may be.
        tables.append((np.log(cost) if name in _RATIOS else np.log1p(cost)) / unit)
    for flag in _FLAGS:
        by.append(flag)
        tables.append(np.arange(float(len(mechanisms[flag].values))))
    by.append("guest_kernel")
    tables.append(np.array([float(v == _LIBOS) for v in mechanisms["guest_kernel"].values]))
    start = np.cumsum([0, *(len(t) for t in tables[:-1])])
    rows = np.array([coded().index(b) for b in by])
    return _MechanismColumns(rows, start, np.concatenate(tables))
