"""What the analytic models say of scenarios: times add up, part by part.

An operation's native time is the sum of its demands; each mechanism adds time to some of them.
Retained is native time over isolated time. The parts are the factors by which each mechanism
divides it, in the order of the table below, so that they multiply to the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features import cpu, memory, network, storage, syscalls
from features.constants import Constants, constants, quantities
from features.scenario import Scenario
from features.table import ScenarioTable, scenario_table
from features.vocabulary import RESOURCES

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One mechanism's share in the prior: what it slows, by which formula, from which source."""

    name: str
    resource: str
    formula: str
    source: str


@dataclass(frozen=True)
class PriorTable:
    """What the prior says of n scenarios.

    retained: (n,); factors: (n, len(PARTS)), their product is retained;
    resource_retained: (n, 4), NaN where a resource is not asked for; shares: (n, 4) of native
    time; op_us: (n,) native time of one operation [us].
    """

    retained: Array
    factors: Array
    resource_retained: Array
    shares: Array
    op_us: Array


class _Terms:
    """The columns that several parts need, worked out once for a table and a set of constants."""

    def __init__(self, table: ScenarioTable, values: Constants) -> None:
        self.table = table
        self.values = values
        self.demand = table.demands
        self.host = table.host
        self._native_time()

    def of(self, quantity: str) -> Array:
        """A quantity's constant for each row."""
        return self.values[quantity][self.table.code(quantities()[quantity].by)]

    def native_of(self, quantity: str) -> Array:
        """The same constant on bare metal: the first entry of what it depends on."""
        return self.values[quantity][:1]

    def _native_time(self) -> None:
        d = self.demand
        shared = 1.0 - d["pipelined_share"] * (1.0 - 1.0 / d["pipeline_depth"])
        self.bytes_us = d["byte_ns"] * d["payload_bytes"] * 1e-3
        service_us = d["op_us"] * shared + self.bytes_us
        self.round_trips = d["round_trips"] / (d["concurrency"] * d["pipeline_depth"])
        self.trip_us = self.round_trips * self.of("stack_us")
        shares = np.stack([d[r] for r in RESOURCES], axis=1)
        self.native_us = shares * service_us[:, None]
        self.native_us[:, 2] += self.trip_us
        self.cpu_us, self.memory_us, self.network_us, self.storage_us = self.native_us.T
        self.network_service_us = self.network_us - self.trip_us


def _compute(t: _Terms) -> Array:
    trap = cpu.trap_share_at(t.of("trap_share"), t.of("trap_growth"), t.host["cores"])
    scalar_one = cpu.integer_retained(
        t.of("cpu_efficiency"), t.of("trap_share"), t.of("cpu_overhead")
    )
    scalar = cpu.integer_retained(t.of("cpu_efficiency"), trap, t.of("cpu_overhead"))
    vector = cpu.vector_retained_at(t.of("vector_retained"), scalar_one, scalar)
    nested = t.of("nested_exit_scale")
    scalar_slow = 1.0 + (1.0 / scalar - 1.0) * np.sqrt(nested)
    vector_slow = 1.0 + (1.0 / vector - 1.0) * np.sqrt(nested)
    vectors = t.demand["simd_share"]
    return t.cpu_us * (
        cpu.compute_slowdown(scalar_slow, vector_slow, scalar_slow, vectors, np.zeros_like(vectors))
        - 1.0
    )


def _code(t: _Terms) -> Array:
    slow = t.of("code_slowdown")
    wasm = t.table.mechanisms["code_generation"] > 0
    one = np.ones_like(slow)
    vector = np.where(wasm, slow * t.of("vector_slowdown") / _compiled(t), one)
    aes = np.where(wasm, slow * t.of("aes_slowdown"), one)
    return t.cpu_us * (
        cpu.compute_slowdown(slow, vector, aes, t.demand["simd_share"], t.demand["aes_share"]) - 1.0
    )


def _compiled(t: _Terms) -> Array:
    """The optimising compiler's own slow-down, which the vector constant already contains."""
    names = quantities()["code_slowdown"].entries
    return t.values["code_slowdown"][list(names).index("optimising")]


def _pinning(t: _Terms) -> Array:
    gain = t.of("pinning_gain")
    lost = _compute(t) + _memory(t)
    return -np.minimum((t.cpu_us + t.memory_us) * (1.0 - 1.0 / gain), lost)


def _calls(t: _Terms) -> Array:
    d = t.demand
    shared = 1.0 / d["pipeline_depth"]
    crossings = d["calls"] + d["file_calls"] + d["open_calls"] + d["socket_calls"] * shared
    boundary = syscalls.calls_us(crossings, t.of("call_ns"))
    return boundary + syscalls.calls_us(d["calls"], t.of("guest_call_ns"))


def _files(t: _Terms) -> Array:
    d = t.demand
    return syscalls.calls_us(d["file_calls"], t.of("file_call_ns")) + syscalls.calls_us(
        d["open_calls"], t.of("open_call_us") * 1e3
    )


def _sockets(t: _Terms) -> Array:
    each = t.of("socket_call_ns")
    return syscalls.calls_us(t.demand["socket_calls"] / t.demand["pipeline_depth"], each)


def _switches(t: _Terms) -> Array:
    return syscalls.exits_us(t.demand["switches"], t.of("switch_us"), t.of("nested_exit_scale"))


def _faults(t: _Terms) -> Array:
    return syscalls.exits_us(t.demand["faults"], t.of("fault_us"), np.ones(len(t.table)))


def _forks(t: _Terms) -> Array:
    return syscalls.exits_us(t.demand["forks"], t.of("fork_us"), np.ones(len(t.table)))


def _walks(t: _Terms) -> Array:
    page = t.table.mechanisms["page_size"]
    levels = np.array([4.0, 3.0, 2.0])
    nested = t.table.mechanisms["translation"] > 0
    references = memory.walk_references(levels[page], np.where(nested, levels[page], 0.0))
    isolated_ns = memory.walk_ns(references, t.of("walk_reference_ns"))
    native_ns = memory.walk_ns(levels[0], t.native_of("walk_reference_ns"))
    working_set = np.minimum(t.demand["working_set_gb"], t.host["memory_gb"])
    native_miss = memory.miss_rate(working_set, t.native_of("tlb_reach_gb"))
    miss = memory.miss_rate(working_set, t.of("tlb_reach_gb")) * t.of("miss_scale")
    walk_us = t.demand["walk_share"] * (t.cpu_us + t.memory_us)
    return walk_us * (isolated_ns * miss / (native_ns * native_miss) - 1.0)


def _memory(t: _Terms) -> Array:
    return t.memory_us * (1.0 / t.of("memory_retained") - 1.0)


def _numa(t: _Terms) -> Array:
    slow = memory.numa_slowdown(t.of("numa_local_ns"), t.of("numa_remote_ns"))
    return t.memory_us * (slow - 1.0)


def _bandwidth(t: _Terms) -> Array:
    ceiling = np.minimum(t.of("network_ceiling_gbps"), t.of("encrypted_ceiling_gbps"))
    passed = network.ceiling_retained(ceiling, t.host["network_gbps"])
    size = np.maximum(t.demand["payload_bytes"], 1.0)
    small = (size > 1.0) & (size <= 1518.0) & (t.demand["packets"] > 0.0)
    line = network.line_rate_mpps(
        np.minimum(t.host["network_gbps"], network.PACKET_TABLE_GBPS), size
    )
    packets = network.ceiling_retained(t.of("packet_ceiling_mpps"), line)
    passed = np.where(small, np.minimum(passed, packets), passed)
    kept = 1.0 - t.of("offload_share")
    loss = (1.0 / passed - 1.0) * np.where(t.table.mechanisms["network_encryption"] > 0, 1.0, kept)
    return t.network_service_us * t.demand["link_bound"] * loss


def _packets(t: _Terms) -> Array:
    d = t.demand
    batch = network.notification_batch(d["concurrency"], d["pipeline_depth"])
    each = t.of("packet_us") * (1.0 - t.of("offload_share"))
    count = np.where(d["link_bound"] > 0.0, 0.0, d["packets"]) / d["pipeline_depth"]
    return syscalls.exits_us(count / batch, each, t.of("nested_exit_scale"))


def _round_trips(t: _Terms) -> Array:
    virtual = t.of("network_latency_us")
    return t.round_trips * (network.round_trip_us(t.of("stack_us"), virtual) - t.of("stack_us"))


def _storage(t: _Terms) -> Array:
    d, iops = t.demand, t.host["storage_iops"]
    device = storage.device_latency_us(t.of("device_us"), iops)
    native_us = storage.operation_latency_us(t.of("host_stack_us"), np.zeros(len(iops)), device)
    virtual_us = t.of("storage_latency_us")
    isolated_us = storage.operation_latency_us(t.of("host_stack_us"), virtual_us, device)
    write = d["write_share"]
    share = t.of("storage_read_share") * (1 - write) + t.of("storage_write_share") * write
    ceiling = share * storage.REFERENCE_IOPS
    ceiling = np.where(t.table.mechanisms["storage_path"] == 0, np.inf, ceiling)
    rate = storage.queued_rate_hz(isolated_us, d["queue_depth"], np.minimum(ceiling, iops))
    native_rate = storage.queued_rate_hz(native_us, d["queue_depth"], iops)
    random = native_rate / rate
    stream_mb = storage.REFERENCE_STREAM_MB
    device_mb = stream_mb * np.sqrt(iops / storage.REFERENCE_IOPS)
    stream_ceiling = np.where(
        t.table.mechanisms["storage_path"] == 0, np.inf, t.of("stream_share") * stream_mb
    )
    stream = 1.0 / network.ceiling_retained(stream_ceiling, device_mb)
    slow = np.where(d["payload_bytes"] >= storage.STREAM_BYTES, stream, random)
    slow = slow / t.of("engine_gain") ** _engine_matters(t)
    return np.where(d["io_ops"] > 0.0, t.storage_us * (slow - 1.0), 0.0)


def _engine_matters(t: _Terms) -> Array:
    """A faster engine helps while the device still has rate to give: at low queue depth it does."""
    return 1.0 / np.sqrt(np.maximum(t.demand["queue_depth"], 1.0))


def _encrypted_io(t: _Terms) -> Array:
    loss = 1.0 / t.of("encrypted_io_retained") - 1.0
    asked = np.where(t.demand["io_ops"] > 0.0, t.storage_us, 0.0)
    return (asked + t.network_us) * loss


def _start(t: _Terms) -> Array:
    return t.demand["instances"] * t.of("start_ms") * 1e3


_PARTS: tuple[tuple[Part, Callable[[_Terms], Array]], ...] = (
    (Part("traps", "cpu", "F5, F6", "reference 2.2.1, 2.2.2"), _compute),
    (Part("code generation", "cpu", "T18, F6", "reference 7.1; Jangda et al. 2019"), _code),
    (Part("system calls", "cpu", "F4", "reference 1.2, 2.1"), _calls),
    (Part("file calls", "cpu", "F4", "reference 2.1"), _files),
    (Part("socket calls", "cpu", "F4", "reference 2.1"), _sockets),
    (Part("context switches", "cpu", "F3", "reference 2.1"), _switches),
    (Part("process creation", "cpu", "F4", "assumed"), _forks),
    (Part("start-up", "cpu", "T18", "reference 7.1"), _start),
    (Part("page faults", "memory", "T5", "reference 3.1"), _faults),
    (Part("page walks", "memory", "F8, F9", "reference 3.2; Bhargava et al. 2008"), _walks),
    (Part("memory access", "memory", "T5, T19", "reference 3.1, 7.2"), _memory),
    (Part("NUMA placement", "memory", "F7", "reference 2.4.2"), _numa),
    (Part("pinning", "cpu", "T4", "reference 2.4.1"), _pinning),
    (Part("network ceiling", "network", "T7", "reference 4.1"), _bandwidth),
    (Part("packets", "network", "F3", "reference 1.2"), _packets),
    (Part("round trips", "network", "F12", "reference 4.2.2"), _round_trips),
    (Part("storage path", "storage", "F13, F14, T10", "reference 5.1, 5.2.2"), _storage),
    (Part("encrypted I/O", "network", "T19", "reference 7.2"), _encrypted_io),
)
PARTS: tuple[Part, ...] = tuple(part for part, _ in _PARTS)
_PART_RESOURCE = np.array([RESOURCES.index(p.resource) for p in PARTS])


def evaluate_table(table: ScenarioTable, values: Constants | None = None) -> PriorTable:
    """The prior of a table of n scenarios under a set of constants (default `reference`)."""
    terms = _Terms(table, values or constants())
    added = np.stack([np.broadcast_to(f(terms), (len(table),)) for _, f in _PARTS], axis=1)
    native = terms.native_us
    total = native.sum(axis=1)
    # Gains never make an operation shorter than a thousandth of its native time.
    running = np.maximum(total[:, None] + np.cumsum(added, axis=1), 1e-3 * total[:, None])
    before = np.concatenate([total[:, None], running[:, :-1]], axis=1)
    return PriorTable(
        retained=total / running[:, -1],
        factors=before / running,
        resource_retained=_by_resource(native, added),
        shares=native / total[:, None],
        op_us=total,
    )


def _by_resource(native: Array, added: Array) -> Array:
    """Retained (n, 4) of each resource; time added to one not asked for counts to the largest."""
    per_resource = np.stack(
        [added[:, r == _PART_RESOURCE].sum(axis=1) for r in range(len(RESOURCES))], axis=1
    )
    idle = native <= 0.0
    stray = np.where(idle, per_resource, 0.0).sum(axis=1)
    per_resource = np.where(idle, 0.0, per_resource)
    per_resource[np.arange(len(native)), native.argmax(axis=1)] += stray
    with np.errstate(invalid="ignore", divide="ignore"):
        retained = native / np.maximum(native + per_resource, 1e-3 * native)
    return np.where(idle, np.nan, retained)


def evaluate(scenarios: Sequence[Scenario], values: Constants | None = None) -> PriorTable:
    """The prior of scenarios (n,), unknown host fields at the middle of their range."""
    return evaluate_table(scenario_table(scenarios), values)
