"""Calls into a kernel under isolation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def calls_us(calls: Array, call_ns: Array) -> Array:
    """Time added by `calls` system calls that each cost `call_ns` more [us], all (n,)."""
    return calls * call_ns * 1e-3


def container_us(
    calls: Array,
    filter_ns: Array,
    lookups: Array,
    namespace_ns: Array,
    charges: Array,
    cgroup_ns: Array,
) -> Array:
    """T_syscall-filter + T_namespace + T_cgroup: what a container's operation takes more [us].

    F4, reference 1.2: a filter runs at each call, names are looked up where processes are made,
    the control group is charged for files and pages. Counts per operation, all (n,).
    """
    return (
        calls_us(calls, filter_ns) + calls_us(lookups, namespace_ns) + calls_us(charges, cgroup_ns)
    )


def trap_us(
    exit_cycles: ArrayLike,
    entry_cycles: ArrayLike,
    emulation_cycles: ArrayLike,
    clock_ghz: ArrayLike,
) -> Array:
    """T_trap + T_emulation of one instruction that leaves the guest [us], all (n,).

    F3, reference 1.2: T_vm = T_native + T_trap + T_emulation + T_translation; the last is the page
    walks' (features.memory).
    """
    cycles = np.asarray(exit_cycles) + np.asarray(entry_cycles) + np.asarray(emulation_cycles)
    return cycles / np.asarray(clock_ghz) * 1e-3


def exits_us(events: Array, event_us: Array, exit_scale: Array) -> Array:
    """Time added by events that leave the guest [us]; nested guests pay `exit_scale` for each."""
    return events * event_us * exit_scale
