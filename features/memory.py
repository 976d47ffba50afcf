"""Memory under isolation: page walks, page sizes, NUMA, encryption."""

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


def numa_slowdown(local_ns: Array, remote_extra_ns: Array) -> Array:
    """Access time in units of a local access: (T_local + T_interconnect) / T_local.

    F7, reference 2.4.2. Both (n,) [ns].
    """
    return (local_ns + remote_extra_ns) / local_ns
