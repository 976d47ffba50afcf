"""What isolation adds to calls into a kernel: the boundary, the files and sockets behind it."""

from __future__ import annotations

import numpy as np

from features import syscalls
from features.parts.terms import Array, Part, PartTime, Terms


def _boundary_ns(t: Terms) -> Array:
    """The boundary's own price of a call; a hypervisor's is its exit and entry."""
    leaving = syscalls.trap_us(t.of("exit_cycles"), t.of("entry_cycles"), 0.0, t.of("clock_ghz"))
    exits = t.has("syscall_boundary", "hypervisor-exit")
    of_kvm = np.where(t.has("syscall_boundary", "kvm"), t.exit_scale, 1.0)
    return np.where(exits, leaving * 1e3, t.of("call_ns") * of_kvm)


def _filter_ns(t: Terms) -> Array:
    return np.where(t.has("syscall_boundary", "seccomp"), t.of("seccomp_ns"), 0.0)


def _crossings(t: Terms) -> Array:
    """Calls per operation; the storage path's figures are those of two calls an operation."""
    d = t.demand
    shared = 1.0 / d["pipeline_depth"]
    calls = d["calls"] + d["file_calls"] + d["open_calls"] + d["socket_calls"] * shared
    return calls + d["io_ops"] * (t.of("engine_calls") - t.entry("engine_calls", "sync"))


def _calls(t: Terms) -> Array:
    d = t.demand
    crossings = t.once(_crossings)
    container = syscalls.container_us(
        crossings,
        _filter_ns(t),
        d["forks"],
        t.of("namespace_ns"),
        d["file_calls"] + d["open_calls"] + d["faults"],
        t.of("cgroup_ns"),
    )
    boundary = syscalls.calls_us(crossings, _boundary_ns(t))
    return container + boundary + syscalls.calls_us(d["calls"], t.of("guest_call_ns"))


def _leaving_ns(t: Terms) -> Array:
    """What a file call costs that nothing inside the sandbox answers: an enclave leaves itself
    for each call of the host's file system, a kernel without a page cache sends each on."""
    outside = np.where(t.has("storage_path", "host"), t.of("outside_call_ns"), 0.0)
    return outside + t.of("uncached_share") * t.of("message_us") * 1e3


def _files(t: Terms) -> Array:
    d = t.demand
    own = syscalls.calls_us(d["file_calls"], t.of("file_call_ns"))
    opening = syscalls.calls_us(d["open_calls"], t.of("open_call_us") * 1e3)
    return own + opening + syscalls.calls_us(d["file_calls"] + d["open_calls"], _leaving_ns(t))


def _sockets(t: Terms) -> Array:
    each = t.of("socket_call_ns")
    return syscalls.calls_us(t.demand["socket_calls"] / t.demand["pipeline_depth"], each)


def _traced(t: Terms) -> Array:
    return syscalls.calls_us(np.maximum(t.once(_crossings), 0.0), t.of("trace_ns"))


PARTS: tuple[PartTime, ...] = (
    (Part("system calls", "cpu", "F4", "reference 1.2, 2.1"), _calls),
    (Part("file calls", "cpu", "F4", "reference 2.1"), _files),
    (Part("socket calls", "cpu", "F4", "reference 2.1"), _sockets),
    (Part("tracing", "cpu", "T20", "reference 7.3"), _traced),
)
