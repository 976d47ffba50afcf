"""Closed queueing networks: what clients lose to one another when they share a machine.

Mean value analysis is exact for a closed, single-class product-form network: Reiser & Lavenberg,
"Mean-Value Analysis of Closed Multichain Queuing Networks", J. ACM 27(2), 1980, pp. 313-322.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from features.vocabulary import RESOURCES

Array = NDArray[np.float64]

_US_PER_S = 1e6
_BEYOND_BOUNDS = 1e300


def closed_network(
    demands_us: ArrayLike,
    clients: ArrayLike,
    cores: ArrayLike,
    think_us: ArrayLike = 0.0,
) -> tuple[Array, Array]:
    """Throughput and residence times of clients that go round cpu, memory, network and storage.

    The cpu is one queue with `cores` servers (rate min(k, cores) / demand with k clients there),
    the other three have one server each, and thinking delays without queueing. The result is
    exact, in two steps. The mean value recursion gives the three single servers and the thinking
    at each population; the cpu then faces them as one flow-equivalent server (Chandy, Herzog &
    Woo, "Parametric Analysis of Queuing Networks", IBM J. Res. Dev. 19(1), 1975, pp. 36-42), a
    birth-death chain whose weights are products of positive ratios. The load-dependent recursion
    gives the same figures but finds the empty cpu by subtraction, which is unstable near
    saturation (Chandy & Sauer, Comm. ACM 23(10), 1980, pp. 573-583).

    Args:
        demands_us: (n, 4) native service time of one operation at each resource, in the order
            of RESOURCES [us]; zero where the resource is not visited.
        clients: (n,) or scalar whole number of clients, at least 1.
        cores: (n,) or scalar servers of the cpu, at least 1; a fraction is a part-time server.
        think_us: (n,) or scalar time between two operations of one client [us].

    Returns:
        throughput_hz: (n,) operations per second of all clients together.
        residence_us: (n, 4) time of one operation at each resource, waiting included [us].

    Raises:
        ValueError: a demand or think time that is negative or not finite, clients below 1 or
            not whole, cores below 1, or a row that takes no time at all.
    """
    demands, population, servers, think = _checked(demands_us, clients, cores, think_us)
    order = np.argsort(-population, kind="stable")
    demands, population = demands[order], population[order]
    servers, think = servers[order], think[order]

    throughput, queue = _recursion(demands, population, servers, think)

    throughput_hz = np.empty_like(throughput)
    residence_us = np.empty_like(queue)
    throughput_hz[order] = throughput * _US_PER_S
    residence_us[order] = queue / throughput[:, np.newaxis]
    return throughput_hz, residence_us


def _recursion(
    demands: Array, population: NDArray[np.int64], servers: Array, think: Array
) -> tuple[Array, Array]:
    """Throughput [1/us] and mean queue lengths of rows sorted by falling population.

    At step m, m clients are outside the cpu and N - m at it. `total` is the sum of the chain's
    weights so far in units of the present weight, so that each mean is a running one, a sum of
    positive terms that keeps its digits. The ratio of two weights falls with m (the cpu empties,
    the rest speeds up): once `total` passes all bounds, what follows weighs nothing, and a cap
    changes nothing.
    """
    cpu, rest = demands[:, 0], demands[:, 1:]
    rest_queue = np.zeros_like(rest)
    total = np.ones(len(demands))
    mean_throughput = np.where(cpu > 0, _rate(population, servers, cpu), 0.0)
    mean_queue = np.zeros_like(demands)
    mean_queue[:, 0] = population

    rows = len(demands)
    for m in range(1, int(population.max(initial=0)) + 1):
        rows = int(np.searchsorted(-population[:rows], -m, side="right"))
        at_cpu = population[:rows] - m
        residence = rest[:rows] * (1.0 + rest_queue[:rows])
        cycle = residence.sum(axis=1) + think[:rows]
        round_trips = _rate(m, np.inf, cycle)
        rest_queue[:rows] = np.where(cycle > 0, round_trips, 0.0)[:, np.newaxis] * residence

        with np.errstate(divide="ignore", over="ignore"):
            ratio = _rate(at_cpu + 1, servers[:rows], cpu[:rows]) * (cycle / m)
            before = np.minimum(total[:rows] / ratio, _BEYOND_BOUNDS)
        total[:rows] = before + 1.0
        flow = np.where(cpu[:rows] > 0, _rate(at_cpu, servers[:rows], cpu[:rows]), round_trips)
        new = 1.0 / total[:rows]
        kept = before * new
        mean_throughput[:rows] = kept * mean_throughput[:rows] + new * flow
        mean_queue[:rows, 0] = kept * mean_queue[:rows, 0] + new * at_cpu
        mean_queue[:rows, 1:] *= kept[:, np.newaxis]
        mean_queue[:rows, 1:] += new[:, np.newaxis] * rest_queue[:rows]
    return mean_throughput, mean_queue


def _rate(busy: ArrayLike, servers: ArrayLike, time_us: Array) -> Array:
    """Completions [1/us] of `busy` clients at `servers` servers; infinite where time is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.minimum(busy, servers) / time_us


def _checked(
    demands_us: ArrayLike, clients: ArrayLike, cores: ArrayLike, think_us: ArrayLike
) -> tuple[Array, NDArray[np.int64], Array, Array]:
    demands = np.asarray(demands_us, dtype=float)
    if demands.ndim != 2 or demands.shape[1] != len(RESOURCES):
        raise ValueError(f"demands_us needs shape (n, {len(RESOURCES)}), not {demands.shape}")
    n = len(demands)
    population = np.broadcast_to(np.asarray(clients, dtype=float), n)
    servers = np.broadcast_to(np.asarray(cores, dtype=float), n)
    think = np.broadcast_to(np.asarray(think_us, dtype=float), n)
    if not (np.isfinite(demands).all() and (demands >= 0).all()):
        raise ValueError("demands_us must be finite and not negative")
    if not (np.isfinite(think).all() and (think >= 0).all()):
        raise ValueError("think_us must be finite and not negative")
    if not (np.isfinite(population).all() and (population >= 1).all()):
        raise ValueError("clients must be at least 1")
    if (population != np.floor(population)).any():
        raise ValueError("clients must be whole numbers")
    if not (servers >= 1).all():
        raise ValueError("cores must be at least 1")
    if not (demands.sum(axis=1) + think > 0).all():
        raise ValueError("each row needs a positive demand or think time")
    return demands, population.astype(np.int64), servers, think
