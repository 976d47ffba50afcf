"""Calls into a kernel under isolation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def calls_us(calls: Array, call_ns: Array) -> Array:
    """Time added by `calls` system calls that each cost `call_ns` more [us].

    F4, reference 1.2: T_container = T_native + T_syscall-filter + T_namespace + T_cgroup.
    """
    return calls * call_ns * 1e-3


def exits_us(events: Array, event_us: Array, exit_scale: Array) -> Array:
    """Time added by events that leave the guest [us]; nested guests pay `exit_scale` for each.

    F3, reference 1.2: T_vm = T_native + T_trap + T_emulation + T_translation.
    """
    return events * event_us * exit_scale
