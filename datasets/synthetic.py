"""Synthetic measurements: the prior over the whole space of scenarios, with contention.

Scenarios come from a scrambled Sobol sequence, so that few of them cover the space evenly. What
an operation asks of each resource, native and isolated, comes from the prior under constants
drawn from their ranges. Both sets of demands then go through a closed queueing network: clients
that wait for one another at the busiest resource are what the prior does not contain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from datasets.measurement import Measurement
from features.constants import Constants, draw
from features.prior import PriorTable, evaluate_table
from features.queueing import closed_network
from features.scenario import HOST_FIELDS, Scenario
from features.table import ScenarioTable, scenario_table
from features.vocabulary import RESOURCES, vocabulary

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

HOST_SPACE = {
    "cores": (1.0, 128.0),
    "memory_gb": (1.0, 1024.0),
    "network_gbps": (1.0, 100.0),
    "storage_iops": (3e3, 1e6),
}
CLIENTS_SPACE = (1.0, 256.0)
OPTION_SHARE = 0.25
CONSTANT_DRAWS = 16

# More than any use of a row, and fewer than what differs between two processors.
_DIGITS = 9
# What a machine is sold as.
_HOST_DIGITS = 3


def synthetic_rows(n: int, seed: int) -> list[Measurement]:
    """n measurements of origin `synthetic`; the same n and seed give the same rows.

    The constants are drawn CONSTANT_DRAWS times, each for a run of consecutive points of the
    Sobol sequence (a run of its points is itself spread over the whole space).
    """
    if n < 0:
        raise ValueError(f"n must not be negative, not {n}")
    rows: list[Measurement] = []
    drawn = draw_scenarios(0, n, seed)
    for batch, run in enumerate(np.array_split(np.arange(n), CONSTANT_DRAWS)):
        if len(run):
            constants = draw(np.random.default_rng([seed, batch]))
            rows += _measurements(drawn.take(run), constants, f"synthetic-{seed}", int(run[0]))
    return rows


@dataclass(frozen=True)
class Drawn:
    """n scenarios in columns.

    variant: (n,) places in `variants()`; workload: (n,) places in `workloads()`; host: (host
    fields, n); clients: (n,).
    """

    variant: Codes
    workload: Codes
    host: Array
    clients: Array

    def __len__(self) -> int:
        return len(self.variant)

    def take(self, index: Codes) -> Drawn:
        """The scenarios of `index`."""
        return Drawn(
            self.variant[index], self.workload[index], self.host[:, index], self.clients[index]
        )

    @cached_property
    def table(self) -> ScenarioTable:
        """The scenarios as the prior takes them."""
        count = len(workloads())
        distinct, place = np.unique(self.variant * count + self.workload, return_inverse=True)
        worded = scenario_table([_worded(*divmod(code, count)) for code in distinct.tolist()])
        rows = worded.take(place)
        demands = rows.demand_rows.copy()
        demands[list(vocabulary().demand_fields).index("concurrency")] = self.clients
        known = np.ones(self.host.shape, dtype=bool)
        return replace(rows, demand_rows=demands, host_rows=self.host, known=known)

    @property
    def scenarios(self) -> list[Scenario]:
        """The scenarios one by one."""
        return [
            Scenario(
                variants()[variant].runtime,
                workloads()[workload],
                **dict(zip(HOST_FIELDS, host, strict=True)),
                mechanisms=dict(variants()[variant].mechanisms),
                demands={"concurrency": clients},
            )
            for variant, workload, host, clients in zip(
                self.variant.tolist(),
                self.workload.tolist(),
                self.host.T.tolist(),
                self.clients.tolist(),
                strict=True,
            )
        ]


def draw_scenarios(first: int, count: int, seed: int) -> Drawn:
    """Points `first` to `first + count` of a seed's sequence over runtime, workload, host, clients
    and, now and then, one option. A point does not depend on what it is drawn with.

    Bare metal is left out, for it retains 1 by definition, and so are start-up, which is no
    closed loop, and the mix of a family that has finer workloads.
    """
    points = _points(first, count, seed)
    runtime = _place(points[0], len(_runtimes()))
    first_variant, options = (column[runtime] for column in _variant_places())
    tuned = (points[7] < OPTION_SHARE) & (options > 0)
    option = 1 + _place(points[7] / OPTION_SHARE, options)
    host = np.array(
        [
            _between(*HOST_SPACE[field], unit)
            for field, unit in zip(HOST_FIELDS, points[2:6], strict=True)
        ]
    )
    host[0] = np.round(host[0])
    return Drawn(
        variant=first_variant + np.where(tuned, option, 0),
        workload=_place(points[1], len(workloads())),
        host=host,
        clients=np.round(_between(*CLIENTS_SPACE, points[6])),
    )


def contended_throughput(table: ScenarioTable, prior: PriorTable) -> tuple[Array, Array]:
    """Native and isolated throughput [ops/s], each (n,), of the scenarios' clients.

    Demands are the prior's: native time by share, and isolated time by what each resource
    retains (NaN where it is not asked for).
    """
    clients, cores = table.demands["concurrency"], table.host["cores"]
    native_us = prior.shares * prior.op_us[:, np.newaxis]
    isolated_us = np.where(prior.shares > 0, native_us / prior.resource_retained, 0.0)
    native_hz, _ = closed_network(native_us, clients, cores)
    isolated_hz, _ = closed_network(isolated_us, clients, cores)
    return native_hz, isolated_hz


def rounded(values: Array, digits: int = _DIGITS) -> Array:
    """Positive values (n,) to so many digits: the numbers that are printed so."""
    # Division by a power of ten is rounded once, multiplication by its inverse twice.
    power = np.floor(np.log10(values)).astype(np.int64) + 1 - digits
    up, down = 10.0 ** np.maximum(-power, 0), 10.0 ** np.maximum(power, 0)
    return np.round(values * up / down) / up * down


def _measurements(drawn: Drawn, constants: Constants, prefix: str, first: int) -> list[Measurement]:
    prior = evaluate_table(drawn.table, constants)
    native_hz, isolated_hz = contended_throughput(drawn.table, prior)
    columns = zip(
        drawn.scenarios,
        rounded(isolated_hz / native_hz).tolist(),
        rounded(isolated_hz).tolist(),
        rounded(native_hz).tolist(),
        prior.shares.argmax(axis=1).tolist(),
        strict=True,
    )
    return [
        Measurement(
            id=f"{prefix}-{first + i:06d}",
            scenario=scenario,
            retained=retained,
            source="synthetic",
            origin="synthetic",
            resource=RESOURCES[largest],
            baseline=None,
            value=value,
            baseline_value=baseline_value,
            unit="ops/s",
            metric="throughput",
        )
        for i, (scenario, retained, value, baseline_value, largest) in enumerate(columns)
    ]


def _points(first: int, count: int, seed: int) -> Array:
    """Points (8, count) of the seed's sequence."""
    if not count:
        return np.empty((8, 0))
    sobol = qmc.Sobol(8, scramble=True, rng=np.random.default_rng(seed))
    if first:
        return sobol.fast_forward(first).random(count).T
    # Powers of two keep the sequence balanced; a prefix of it is what is asked for.
    return sobol.random_base2(max(count - 1, 1).bit_length())[:count].T


@dataclass(frozen=True)
class Variant:
    """A runtime with at most one option."""

    runtime: str
    mechanisms: Mapping[str, str]


@cache
def variants() -> tuple[Variant, ...]:
    """Each runtime as it is, and with each single option that differs from its preset."""
    return tuple(
        Variant(name, mechanisms)
        for name in _runtimes()
        for mechanisms in ({}, *({key: value} for key, value in _options(name)))
    )


@cache
def _variant_places() -> tuple[Codes, Codes]:
    """Of each runtime: the place of its first variant, and the number of its options."""
    options = np.array([len(_options(name)) for name in _runtimes()])
    return np.concatenate([[0], np.cumsum(options[:-1] + 1)]), options


@cache
def _worded(variant: int, workload: int) -> Scenario:
    chosen = variants()[variant]
    return Scenario(chosen.runtime, workloads()[workload], mechanisms=dict(chosen.mechanisms))


@cache
def _runtimes() -> tuple[str, ...]:
    return tuple(name for name in vocabulary().runtimes if name != "native")


@cache
def workloads() -> tuple[str, ...]:
    """The workloads that scenarios are drawn from."""
    names = vocabulary().workloads
    mixes = {name.rpartition(".")[0] for name in names}
    return tuple(name for name in names if name not in mixes and name != "startup")


def _options(runtime: str) -> Sequence[tuple[str, str]]:
    words = vocabulary().runtimes[runtime]
    return [
        (key, value)
        for key, values in words.allowed.items()
        for value in values
        if value != words.preset[key]
    ]


def _place(unit: Array, count: Codes | int) -> Codes:
    return (unit * count).astype(np.int64)


def _between(low: float, high: float, unit: Array) -> Array:
    """Points (n,) on the log scale."""
    return rounded(low * (high / low) ** unit, _HOST_DIGITS)
