"""The prior: worked examples of the reference, and properties over the scenario space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import memory, network, storage
from features.choices import settled
from features.constants import constants
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


@st.composite
def scenarios(draw):
    runtime = draw(st.sampled_from(sorted(WORDS.runtimes)))
    workload = draw(st.sampled_from(sorted(WORDS.workloads)))
    allowed = WORDS.runtimes[runtime].allowed
    free = [k for k in allowed if len(allowed[k]) > 1]
    options = {}
    for key in draw(st.lists(st.sampled_from(free), unique=True, max_size=3)) if free else []:
        options[key] = draw(st.sampled_from(allowed[key]))
    return Scenario(
        runtime,
        workload,
        cores=draw(st.floats(1, 256)),
        memory_gb=draw(st.floats(1, 2048)),
        network_gbps=draw(st.floats(0.1, 400)),
        storage_iops=draw(st.floats(100, 2e6)),
        mechanisms=settled(runtime, options)[0],
    )


@pytest.mark.parametrize(("guest", "host", "expected"), [(4, 4, 24), (5, 5, 35), (4, 0, 4)])
def test_references_of_a_page_walk(guest, host, expected):
    assert memory.walk_references(guest, host) == expected


def test_the_latency_stacks_as_the_reference_prints_them():
    values = constants()
    paths = WORDS.mechanisms["network_path"].values
    stack = dict(zip(paths, network.round_trip_us(65.0, values["network_latency_us"]), strict=True))
    assert stack["host"] == 65.0
    assert 107 <= stack["virtio"] <= 147
    assert 71 <= stack["veth"] <= 81
    disks = WORDS.mechanisms["storage_path"].values
    total = storage.operation_latency_us(25.0, values["storage_latency_us"], 100.0)
    stack = dict(zip(disks, total, strict=True))
    assert stack["host"] == 125.0
    assert 230 <= stack["virtio-blk"] <= 330
    assert 155 <= stack["overlayfs"] <= 165


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


@given(scenarios())
@settings(max_examples=150, deadline=None)
def test_the_parts_multiply_to_the_whole_and_nothing_is_absurd(scenario):
    prior = evaluate([scenario])
    assert prior.factors.prod() == pytest.approx(prior.retained[0], rel=1e-9)
    assert prior.retained[0] > 0
    faster = {"page_size", "io_engine", "nic", "network_path", "pinning"}
    if not faster & set(scenario.mechanisms):
        assert prior.retained[0] <= 1.05


@given(st.lists(scenarios(), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_a_table_is_its_rows(many):
    whole = evaluate(many)
    for i, scenario in enumerate(many):
        alone = evaluate([scenario])
        np.testing.assert_allclose(whole.factors[i], alone.factors[0], rtol=1e-12)


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


@given(scenarios())
@settings(max_examples=60, deadline=None)
def test_the_ends_of_the_ranges_enclose_the_whole(scenario):
    worst, best = (
        evaluate([scenario], constants(end)).retained[0] for end in ("pessimistic", "optimistic")
    )
    # A slower device can hide more of a path than the path's own range takes away: 2 %.
    assert worst <= best * 1.02


def test_an_unknown_host_is_integrated_not_defaulted():
    known = scenario_table([Scenario("vm", "network.throughput", **HOST)])
    unknown = scenario_table([Scenario("vm", "network.throughput")])
    assert expected_prior(known).host_spread[0] == 0.0
    assert expected_prior(unknown).host_spread[0] > 0.0
    spread = expected_prior(unknown)
    assert spread.log_factors.sum() == pytest.approx(spread.log_retained[0])
    assert len(PARTS) == spread.log_factors.shape[1]
