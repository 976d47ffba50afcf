"""The prior: worked examples of the reference, and properties over the scenario space."""

from __future__ import annotations

import numpy as np
import pytest

from features import memory, network, storage
from features.constants import constants, quantities
from features.integration import expected_prior
from features.prior import PARTS, evaluate
from features.scenario import Scenario
from features.table import scenario_table
from features.vocabulary import vocabulary

WORDS = vocabulary()
HOST = {"cores": 8.0, "memory_gb": 64.0, "network_gbps": 100.0, "storage_iops": 500_000.0}


def kept(runtime, workload, **changes):
    options = {k: v for k, v in changes.items() if k not in HOST and k not in WORDS.demand_fields}
    demands = {k: v for k, v in changes.items() if k in WORDS.demand_fields}
    host = {**HOST, **{k: v for k, v in changes.items() if k in HOST}}
    scenario = Scenario(runtime, workload, **host, mechanisms=options, demands=demands)
    return float(evaluate([scenario]).retained[0])


@pytest.mark.parametrize(("guest", "host", "expected"), [(4, 4, 24), (5, 5, 35), (4, 0, 4)])
def test_references_of_a_page_walk(guest, host, expected):
    assert memory.walk_references(guest, host) == expected


def by_key(quantity):
    return dict(zip(quantities()[quantity].entries, constants()[quantity], strict=True))


def test_the_latency_stacks_and_their_layers_as_the_reference_prints_them():
    app, kernel, wire = (float(constants()[q][0]) for q in ("app_us", "kernel_us", "wire_us"))
    added, virtual = by_key("kernel_added_us"), by_key("network_latency_us")
    # T8: application 5, kernel 10 / 12 / 11, virtualization 0 / 40-80 / 5-15, wire 50.
    assert (app, kernel, wire) == (5.0, 10.0, 50.0)
    assert [kernel + added[p] for p in ("host", "virtio", "veth")] == [10.0, 12.0, 11.0]
    assert 40 <= virtual["virtio"] <= 80
    assert 5 <= virtual["veth"] <= 15
    stack = {
        p: float(network.round_trip_us(app, kernel + added[p], virtual[p], wire)) for p in virtual
    }
    assert stack["host"] == 65.0
    assert 107 <= stack["virtio"] <= 147
    assert 71 <= stack["veth"] <= 81
    # T11: application 5, file system 20 / 25 / 40, virtualization 0 / 100-200 / 10-20, device 100.
    files, virtual = by_key("file_system_us"), by_key("storage_latency_us")
    assert [files[p] for p in ("host", "virtio-blk", "overlayfs")] == [20.0, 25.0, 40.0]
    assert 100 <= virtual["virtio-blk"] <= 200
    assert 10 <= virtual["overlayfs"] <= 20
    total = {
        p: float(storage.operation_latency_us(5.0, files[p], virtual[p], 100.0)) for p in files
    }
    assert total["host"] == 125.0
    assert 230 <= total["virtio-blk"] <= 330
    assert 155 <= total["overlayfs"] <= 165


def test_the_cycles_of_a_trap_and_its_causes_as_the_reference_prints_them():
    exits, entries = by_key("exit_cycles"), by_key("entry_cycles")
    assert [exits[r] for r in ("vm", "microvm")] == [1200, 1000]
    assert [entries[r] for r in ("vm", "microvm")] == [500, 400]
    # T3: of the 8 % that a VM loses, exits take 5, emulation 2 and the rest 1.
    scenario = Scenario("vm", "cpu.int", **{**HOST, "cores": 1.0})
    factors = dict(zip([p.name for p in PARTS], evaluate([scenario]).factors[0], strict=True))
    for name, lost in (("traps", 0.05), ("emulation", 0.02), ("scheduling", 0.01)):
        assert factors[name] == pytest.approx(1.0 - lost, rel=0.03)


def test_a_cards_share_of_the_work_as_the_reference_prints_it():
    shares = {k: (c.low, c.high) for k, c in quantities()["offload_share"].entries.items()}
    assert shares == {"nic": (0, 0), "smartnic": (0.3, 0.5), "dpu": (0.5, 0.7), "ipu": (0.6, 0.8)}


def test_packets_at_line_rate():
    assert network.line_rate_mpps(np.array([10.0]), np.array([64.0]))[0] == pytest.approx(
        14.88, 1e-3
    )


@pytest.mark.parametrize(
    ("runtime", "workload", "printed"),
    [
        ("vm", "cpu.int", 68000 / 75000),
        ("container", "cpu.int", 74000 / 75000),
        ("microvm", "cpu.int", 70000 / 75000),
        ("wasm", "cpu.int", 0.96),
        ("vm", "memory.bandwidth", 0.885),
        ("container", "memory.bandwidth", 0.985),
        ("vm", "network.throughput", 0.85),
        ("container", "network.throughput", 0.96),
        ("vm", "network.pps", 0.70),
        ("container", "network.pps", 0.90),
        ("vm", "storage.random-read", 0.70),
        ("vm", "storage.random-write", 0.65),
        ("container", "storage.random-read", 0.95),
        ("microvm", "storage.random-read", 0.80),
    ],
)
def test_the_references_tables_at_its_own_host(runtime, workload, printed):
    assert kept(runtime, workload) == pytest.approx(printed, rel=0.03)


@pytest.mark.parametrize("workload", WORDS.workloads)
def test_native_keeps_one(workload):
    assert kept("native", workload) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("field", ["calls", "file_calls", "open_calls", "socket_calls", "switches"])
@pytest.mark.parametrize("runtime", [r for r in WORDS.runtimes if r != "native"])
def test_more_calls_never_help(runtime, field):
    few, many = (kept(runtime, "web.dynamic", **{field: n}) for n in (1.0, 50.0))
    assert many <= few + 1e-12


def test_a_slow_link_or_device_hides_the_path():
    assert kept("vm", "network.throughput", network_gbps=1.0) == pytest.approx(1.0, abs=0.01)
    assert kept("vm", "network.throughput") < 0.9
    slow = kept("vm", "storage.latency", storage_iops=1000.0)
    assert slow > 0.85 > kept("vm", "storage.latency")


@pytest.mark.parametrize(
    ("runtime", "workload", "option", "better"),
    [
        ("vm", "database.kv", {"network_path": "sr-iov"}, True),
        ("vm", "memory.random", {"page_size": "2m"}, True),
        ("vm", "memory.random", {"page_size": "1g"}, True),
        ("vm", "storage.random-read", {"storage_path": "nvme-passthrough"}, True),
        ("vm", "storage.random-write", {"storage_path": "qcow2"}, False),
        ("vm", "memory.latency", {"numa": "remote"}, False),
        ("vm", "cpu.int", {"pinning": "on"}, True),
        ("vm", "database.sql", {"nested": "yes"}, False),
        ("gvisor", "web.static", {"syscall_boundary": "ptrace"}, False),
        ("gvisor", "web.static", {"syscall_boundary": "kvm"}, True),
        ("wasm", "cpu.int", {"code_generation": "interpreter"}, False),
        ("wasm", "cpu.int", {"code_generation": "baseline"}, False),
        ("wasm", "cpu.fp", {"wasm_simd": "on"}, True),
        ("container", "network.throughput", {"network_encryption": "wireguard"}, False),
        ("container", "database.kv", {"network_path": "host"}, True),
        ("vm", "storage.latency", {"io_engine": "io_uring"}, True),
        ("vm", "web", {"nic": "dpu"}, True),
    ],
)
def test_an_option_moves_the_prior_the_documented_way(runtime, workload, option, better):
    plain, changed = kept(runtime, workload), kept(runtime, workload, **option)
    assert (changed > plain) is better
    assert changed != plain


def test_an_unknown_host_is_integrated_not_defaulted():
    known = scenario_table([Scenario("vm", "network.throughput", **HOST)])
    unknown = scenario_table([Scenario("vm", "network.throughput")])
    assert expected_prior(known).host_spread[0] == 0.0
    assert expected_prior(unknown).host_spread[0] > 0.0
    spread = expected_prior(unknown)
    assert spread.log_factors.sum() == pytest.approx(spread.log_retained[0])
    assert len(PARTS) == spread.log_factors.shape[1]
