"""What isolation adds to memory time: faults, walks, encryption, placement."""

from __future__ import annotations

import numpy as np

from features import encryption, memory
from features.parts.terms import Array, Part, PartTime, Terms

# Levels of a page table whose leaves are 4 KiB, 2 MiB and 1 GiB.
_LEVELS = np.array([4.0, 3.0, 2.0])


def _working_set_gb(t: Terms) -> Array:
    return np.minimum(t.demand["working_set_gb"], t.host["memory_gb"])


def _faults(t: Terms) -> Array:
    return t.demand["faults"] * t.of("fault_us") + t.demand["major_faults"] * t.of("major_fault_us")


def _walks(t: Terms) -> Array:
    levels = _LEVELS[t.table.code("page_size")]
    host_levels = np.where(t.has("translation"), levels, 0.0)
    references = memory.walk_references(levels, host_levels)
    walk_ns = memory.walk_ns(references, t.of("walk_reference_ns"))
    native_walk_ns = memory.walk_ns(_LEVELS[:1], t.native_of("walk_reference_ns"))
    working_set = _working_set_gb(t)
    native_miss = memory.miss_rate(working_set, t.native_of("tlb_reach_gb"))
    miss = memory.miss_rate(working_set, t.of("tlb_reach_gb")) * t.of("miss_scale")
    # The share of native time that goes into walks fixes the price of a miss there.
    share = np.minimum(t.demand["walk_share"], 0.999)
    native_penalty = share / (1.0 - share) / native_miss
    penalty = native_penalty * walk_ns / native_walk_ns
    without_us = (1.0 - share) * (t.cpu_us + t.memory_us)
    isolated_us = without_us / memory.translation_retained(miss, penalty)
    return isolated_us - without_us / memory.translation_retained(native_miss, native_penalty)


def memory_access(t: Terms) -> Array:
    """What is lost on the way to memory, for the part of the working set that no cache holds."""
    plain_ns = t.of("dram_ns")
    encrypted_ns = encryption.encrypted_latency_ns(
        plain_ns,
        t.of("exposed_bytes"),
        t.of("aes_cycles_per_byte"),
        t.of("integrity_blocks"),
        t.of("integrity_cycles"),
        t.of("clock_ghz"),
    )
    slow = encrypted_ns / plain_ns / t.of("memory_retained")
    return t.memory_us * memory.memory_exposure(_working_set_gb(t)) * (slow - 1.0)


def numa_placement(t: Terms) -> Array:
    """What memory of another node costs more."""
    slow = memory.numa_slowdown(t.of("numa_local_ns"), t.of("numa_remote_ns"))
    return t.memory_us * (slow - 1.0)


PARTS: tuple[PartTime, ...] = (
    (Part("page faults", "memory", "T5", "reference 3.1"), _faults),
    (Part("page walks", "memory", "F8, F9", "reference 3.2; Bhargava et al. 2008"), _walks),
    (Part("memory access", "memory", "F18, T5, T19", "reference 3.1, 7.2"), memory_access),
    (Part("NUMA placement", "memory", "F7", "reference 2.4.2"), numa_placement),
)
