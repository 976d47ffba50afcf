"""What isolation adds to processor time: traps, the code generator, switches, neighbours."""

from __future__ import annotations

import numpy as np

from features import cpu, syscalls
from features.parts.memory import memory_access, numa_placement
from features.parts.terms import Array, Part, PartTime, Terms


def _trap_share(t: Terms) -> Array:
    return cpu.trap_share_at(t.of("trap_share"), t.of("trap_growth"), t.host["cores"])


def _compute(t: Terms) -> Array:
    """All that scalar and vector code loses."""
    efficiency, overhead = t.of("cpu_efficiency"), t.of("cpu_overhead")
    scalar_one = cpu.integer_retained(efficiency, t.of("trap_share"), overhead)
    scalar = cpu.integer_retained(efficiency, t.once(_trap_share), overhead)
    vector = cpu.vector_retained_at(t.of("vector_retained"), scalar_one, scalar)
    nested = np.sqrt(t.exit_scale)
    scalar_slow = 1.0 + (1.0 / scalar - 1.0) * nested
    vector_slow = 1.0 + (1.0 / vector - 1.0) * nested
    vectors = t.demand["simd_share"]
    slow = cpu.compute_slowdown(
        scalar_slow, vector_slow, scalar_slow, vectors, np.zeros_like(vectors)
    )
    return t.cpu_us * (slow - 1.0)


def _causes(t: Terms) -> tuple[Array, Array, Array]:
    """The shares (n,) of emulation and of traps in it, and the rest."""
    emulation, traps, _ = cpu.loss_shares(
        t.of("cpu_efficiency"), t.once(_trap_share), t.of("cpu_overhead")
    )
    return emulation, traps, 1.0 - emulation - traps


def _traps(t: Terms) -> Array:
    each = syscalls.trap_us(
        t.of("exit_cycles"), t.of("entry_cycles"), t.of("emulation_cycles"), t.of("clock_ghz")
    )
    own = syscalls.exits_us(t.demand["traps"], each, t.exit_scale)
    return t.added(_compute) * t.once(_causes)[1] + own


def _emulation(t: Terms) -> Array:
    return t.added(_compute) * t.once(_causes)[0]


def _scheduling(t: Terms) -> Array:
    return t.added(_compute) * t.once(_causes)[2]


def _code(t: Terms) -> Array:
    slow = t.of("code_slowdown")
    wasm = t.has("code_generation")
    one = np.ones_like(slow)
    # The vector constant already contains the optimising compiler's own slow-down.
    compiled = t.entry("code_slowdown", "optimising")
    vector = np.where(wasm, slow * t.of("vector_slowdown") / compiled, one)
    aes = np.where(wasm, slow * t.of("aes_slowdown"), one)
    mixed = cpu.compute_slowdown(slow, vector, aes, t.demand["simd_share"], t.demand["aes_share"])
    return t.cpu_us * (mixed - 1.0)


def _neighbours(t: Terms) -> Array:
    return (t.cpu_us + t.memory_us) * (t.of("neighbour_slowdown") - 1.0)


def _pinning(t: Terms) -> Array:
    lost = t.added(_compute) + t.added(_neighbours)
    lost = lost + t.added(memory_access) + t.added(numa_placement)
    gain = np.where(t.has("neighbours"), t.of("pinning_gain_many"), t.of("pinning_gain"))
    gain = np.where(t.has("numa"), t.of("pinning_gain_remote"), gain)
    return -cpu.pinning_us(t.cpu_us + t.memory_us + lost, lost, gain)


def _switches(t: Terms) -> Array:
    return syscalls.exits_us(t.demand["switches"], t.of("switch_us"), t.exit_scale)


def _forks(t: Terms) -> Array:
    return t.demand["forks"] * t.of("fork_us")


def _start(t: Terms) -> Array:
    start_ms = t.of("start_ms") + t.of("compile_ms")
    return t.demand["instances"] * start_ms * 1e3


COMPUTE: tuple[PartTime, ...] = (
    (Part("traps", "cpu", "F3, F5, F6", "reference 1.2, 2.2.1, 2.2.2"), _traps),
    (Part("emulation", "cpu", "F5, F6", "reference 2.2.1, 2.3"), _emulation),
    (Part("scheduling", "cpu", "F5, F6", "reference 2.2.1, 2.3"), _scheduling),
    (Part("code generation", "cpu", "T18, F6", "reference 7.1; Jangda et al. 2019"), _code),
)
EVENTS: tuple[PartTime, ...] = (
    (Part("context switches", "cpu", "F3", "reference 2.1"), _switches),
    (Part("process creation", "cpu", "F4", "assumed"), _forks),
    (Part("start-up", "cpu", "T18", "reference 7.1"), _start),
)
PLACEMENT: tuple[PartTime, ...] = (
    (Part("neighbours", "cpu", "T4", "reference 2.4.1"), _neighbours),
    (Part("pinning", "cpu", "T4", "reference 2.4.1"), _pinning),
)
