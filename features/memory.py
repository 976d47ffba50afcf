"""Memory under isolation: page walks, page sizes, caches, NUMA."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def walk_references(guest_levels: Array, host_levels: Array) -> Array:
    """Memory references of a page walk: g h + g + h when nested, g when host_levels is 0.

    F8, reference 3.2.1 with errata E2 and E3 (24 for 4 x 4, 35 for 5 x 5: references, not
    cycles; Bhargava et al., ASPLOS 2008).
    """
    guest = np.asarray(guest_levels, dtype=float)
    host = np.asarray(host_levels, dtype=float)
    return guest * host + guest + host


def walk_ns(references: Array, reference_ns: Array) -> Array:
    """Time of a page walk [ns]: its references (n,) at the mean price of one (n,).

    F8; the price is below a DRAM access because paging-structure caches hold the upper levels.
    """
    return np.asarray(references) * np.asarray(reference_ns)


def miss_rate(working_set_gb: Array, reach_gb: Array) -> Array:
    """Share of accesses that miss a TLB of `reach_gb` over a working set, uniformly used.

    F9, reference 3.2.2 (TLB reach by page size). Both (n,) [GB].
    """
    return working_set_gb / (working_set_gb + reach_gb)


def translation_retained(miss_rate: Array, penalty: Array) -> Array:
    """1 / (1 + TLB miss rate x miss penalty): performance relative to a TLB that never misses.

    F9, reference 3.2.2. Both (n,), the penalty in units of the access without a miss.
    """
    return 1.0 / (1.0 + miss_rate * penalty)


# Working sets of the second and the last cache level, and what no cache helps any more [GB].
_CACHES_GB = (0.002, 0.016, 0.128)


def memory_exposure(working_set_gb: Array) -> Array:
    """Share of accesses that leave the caches, over the working set's logarithm: (n,) in [0, 1].

    T5, reference 3.1: the first two levels cost the same everywhere, the last half of what memory
    costs more. The sizes are assumed: 2 and 16 MB, and 128 MB where nothing is cached.
    """
    return np.interp(np.log(working_set_gb), np.log(_CACHES_GB), (0.0, 0.5, 1.0))


def numa_slowdown(local_ns: Array, remote_extra_ns: Array) -> Array:
    """Access time in units of a local access: (T_local + T_interconnect) / T_local.

    F7, reference 2.4.2. Both (n,) [ns].
    """
    return (local_ns + remote_extra_ns) / local_ns
