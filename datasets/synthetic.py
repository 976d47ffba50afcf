"""Synthetic measurements: the prior over the whole space of scenarios, with contention.

Scenarios come from a scrambled Sobol sequence, so that few of them cover the space evenly. What
an operation asks of each resource, native and isolated, comes from the prior under constants
drawn from their ranges. Both sets of demands then go through a closed queueing network: clients
that wait for one another at the busiest resource are what the prior does not contain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from datasets.measurement import Measurement
from features.constants import Constants, draw
from features.prior import PriorTable, evaluate
from features.queueing import closed_network
from features.scenario import Scenario
from features.vocabulary import RESOURCES, vocabulary

_T = TypeVar("_T")
Array = NDArray[np.float64]

HOST_SPACE = {
    "cores": (1.0, 128.0),
    "memory_gb": (1.0, 1024.0),
    "network_gbps": (1.0, 100.0),
    "storage_iops": (3e3, 1e6),
}
CLIENTS_SPACE = (1.0, 256.0)
OPTION_SHARE = 0.25
CONSTANT_DRAWS = 16

# Nine digits: more than any use of a row, and fewer than what differs between two processors.
_DIGITS = 9


def synthetic_rows(n: int, seed: int) -> list[Measurement]:
    """n measurements of origin `synthetic`; the same n and seed give the same rows.

    The constants are drawn CONSTANT_DRAWS times, each for a run of consecutive points of the
    Sobol sequence (a run of its points is itself spread over the whole space).
    """
    if n < 0:
        raise ValueError(f"n must not be negative, not {n}")
    scenarios = synthetic_scenarios(n, seed)
    rows: list[Measurement] = []
    for batch, run in enumerate(np.array_split(np.arange(n), CONSTANT_DRAWS)):
        if len(run):
            constants = draw(np.random.default_rng([seed, batch]))
            block = scenarios[run[0] : run[-1] + 1]
            rows += _measured(block, constants, f"synthetic-{seed}", int(run[0]))
    return rows


def synthetic_scenarios(n: int, seed: int) -> list[Scenario]:
    """n scenarios over runtime, workload, host, clients and, now and then, one option.

    Bare metal is left out, for it retains 1 by definition, and so are start-up, which is no
    closed loop, and the mix of a family that has finer workloads.
    """
    dimensions = 2 + len(HOST_SPACE) + 2
    sobol = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    # Powers of two keep the sequence balanced; a prefix of it is what is asked for.
    points = sobol.random_base2(max(n - 1, 1).bit_length())[:n]
    return [_scenario(point) for point in points.tolist()]


def contended_throughput(scenarios: Sequence[Scenario], prior: PriorTable) -> tuple[Array, Array]:
    """Native and isolated throughput [ops/s], each (n,), of the scenarios' clients.

    Demands are the prior's: native time by share, and isolated time by what each resource
    retains (NaN where it is not asked for).
    """
    clients = [s.resolved_demands["concurrency"] for s in scenarios]
    cores = np.array([s.cores for s in scenarios], dtype=float)
    native_us = prior.shares * prior.op_us[:, np.newaxis]
    isolated_us = np.where(prior.shares > 0, native_us / prior.resource_retained, 0.0)
    native_hz, _ = closed_network(native_us, clients, cores)
    isolated_hz, _ = closed_network(isolated_us, clients, cores)
    return native_hz, isolated_hz


def _measured(
    scenarios: Sequence[Scenario], constants: Constants, prefix: str, first: int
) -> Iterator[Measurement]:
    prior = evaluate(scenarios, constants)
    native_hz, isolated_hz = contended_throughput(scenarios, prior)
    largest = prior.shares.argmax(axis=1)
    for i, scenario in enumerate(scenarios):
        yield Measurement(
            id=f"{prefix}-{first + i:06d}",
            scenario=scenario,
            retained=_rounded(isolated_hz[i] / native_hz[i]),
            source="synthetic",
            origin="synthetic",
            resource=RESOURCES[largest[i]],
            baseline=None,
            value=_rounded(isolated_hz[i]),
            baseline_value=_rounded(native_hz[i]),
            unit="ops/s",
            metric="throughput",
        )


def _scenario(point: Sequence[float]) -> Scenario:
    of_runtime, of_workload, *of_host, of_clients, of_option = point
    runtime = _pick(_runtimes(), of_runtime)
    host = {
        name: _between(low, high, unit)
        for (name, (low, high)), unit in zip(HOST_SPACE.items(), of_host, strict=True)
    }
    options = _options(runtime)
    mechanisms = {}
    if options and of_option < OPTION_SHARE:
        key, value = _pick(options, of_option / OPTION_SHARE)
        mechanisms[key] = value
    return Scenario(
        runtime,
        _pick(_workloads(), of_workload),
        **{**host, "cores": float(round(host["cores"]))},
        mechanisms=mechanisms,
        demands={"concurrency": float(round(_between(*CLIENTS_SPACE, of_clients)))},
    )


@cache
def _runtimes() -> tuple[str, ...]:
    return tuple(name for name in vocabulary().runtimes if name != "native")


@cache
def _workloads() -> tuple[str, ...]:
    names = vocabulary().workloads
    mixes = {name.rpartition(".")[0] for name in names}
    return tuple(name for name in names if name not in mixes and name != "startup")


@cache
def _options(runtime: str) -> tuple[tuple[str, str], ...]:
    """The single options that differ from a runtime's preset."""
    words = vocabulary().runtimes[runtime]
    return tuple(
        (key, value)
        for key, values in words.allowed.items()
        for value in values
        if value != words.preset[key]
    )


def _pick(items: Sequence[_T], unit: float) -> _T:
    return items[int(unit * len(items))]


def _between(low: float, high: float, unit: float) -> float:
    """A point on the log scale, to three digits: what a machine is sold as."""
    return float(f"{low * (high / low) ** unit:.3g}")


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
