"""Memory promised more than once: balloons take it back from guests, KSM merges equal pages.

Of numbers or arrays alike.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from features.cost import MB_PER_GB

Number = TypeVar("Number", float, NDArray[np.float64])


def memory_available_gb(physical_gb: Number, active_gb: Number) -> Number:
    """Memory that a host can still give [GB]; active_gb is the sum of what its guests use.

    F10, reference 3.3.1. Below 0 the host has promised more than it has.
    """
    return physical_gb - active_gb


def reclaim_ms(reclaimed_gb: Number, reclaim_ms_per_gb: float) -> Number:
    """Time until balloons have taken back `reclaimed_gb` [ms]. F10, reference 3.3.1."""
    return reclaimed_gb * reclaim_ms_per_gb


def balloon_slowdown(loss_share: Number) -> Number:
    """How many times as long a guest takes that loses `loss_share` (0 to below 1) of its
    performance to its balloon. F10, reference 3.3.1.
    """
    return 1.0 / (1.0 - loss_share)


def ksm_scan_s(scanned_gb: Number, ksm_scan_mb_per_s: float, cores: Number) -> Number:
    """Time of one pass over the guests' memory by `cores` cores [s]. F11, reference 3.3.2."""
    return scanned_gb * MB_PER_GB / ksm_scan_mb_per_s / cores


def ksm_cpu_share(scanned_gb: Number, loss_per_10gb: Number, cores: Number) -> Number:
    """Share of all cores' time that scanning `scanned_gb` takes; at most all of it.

    loss_per_10gb is the share of one core's time for each 10 GB. F11, reference 3.3.2.
    """
    return np.minimum(1.0, scanned_gb / 10.0 * loss_per_10gb / cores)


def ksm_savings(duplicate: Number, cpu_share: Number, claimed: Number) -> Number:
    """Memory that merging gives back of `claimed`, of which `duplicate` is there already; one unit.

    F11, reference 3.3.2, which subtracts processor time from memory. Here the time is charged as
    the memory of the instances that it could have run: cpu_share of what is claimed. Below 0,
    scanning costs more than it gives.
    """
    return duplicate - cpu_share * claimed


def memory_held(
    claimed: Number, balloon_share: float, duplicate_share: float, cpu_share: Number
) -> Number:
    """What an instance that claims memory holds of its host for good, in the unit of `claimed`.

    A balloon takes its share first (F10), then equal pages of the rest are merged (F11).
    """
    active = claimed * (1.0 - balloon_share)
    return active - ksm_savings(active * duplicate_share, cpu_share, active)
