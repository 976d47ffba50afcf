"""What holds of the prior everywhere: all runtimes, workloads, options, several constant sets."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from features.constants import constants, draw
from features.prior import evaluate
from features.scaling import amdahl_speedup
from features.scenario import Scenario
from features.vocabulary import vocabulary
from tests.features.space import HOST, WORDS, scenarios, with_demands, with_options

# The reference's values, the unfavourable end of every range, and sets drawn between the ends.
SETS = {
    "reference": constants("reference"),
    "pessimistic": constants("pessimistic"),
    **{f"drawn-{seed}": draw(np.random.default_rng(seed)) for seed in range(3)},
}
sets = st.sampled_from(sorted(SETS))
# Options that truly accelerate: they take away of what bare metal itself pays.
FASTER = {
    "page_size": ("2m", "1g"),
    "io_engine": ("aio", "io_uring"),
    "network_path": ("xdp", "dpdk"),
    "pinning": ("on",),
}


def kept(scenario, name="reference"):
    return float(evaluate([scenario], SETS[name]).retained[0])


def accelerates(scenario):
    return any(v in FASTER.get(k, ()) for k, v in scenario.resolved_mechanisms.items())


@given(scenarios(), sets)
@settings(max_examples=300, deadline=None)
def test_the_parts_multiply_to_the_whole_and_nothing_is_absurd(scenario, name):
    prior = evaluate([scenario], SETS[name])
    assert prior.factors.prod() == pytest.approx(prior.retained[0], rel=1e-9)
    assert prior.retained[0] > 0
    if not accelerates(scenario):
        assert prior.retained[0] <= 1.05


@given(scenarios(runtimes=("native",), most_options=0), sets)
@settings(max_examples=60, deadline=None)
def test_native_keeps_one_under_every_set(scenario, name):
    assert kept(scenario, name) == pytest.approx(1.0, abs=1e-12)


@given(st.lists(scenarios(), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_a_table_is_its_rows(many):
    whole = evaluate(many)
    for i, scenario in enumerate(many):
        alone = evaluate([scenario])
        np.testing.assert_allclose(whole.factors[i], alone.factors[0], rtol=1e-12)


COUNTS = (
    *("calls", "file_calls", "open_calls", "socket_calls", "switches", "faults", "forks"),
    *("traps", "major_faults", "connections", "packets", "instances"),
)


@given(scenarios(), sets, st.sampled_from(COUNTS), st.floats(0.0, 20.0), st.floats(0.1, 50.0))
@settings(max_examples=300, deadline=None)
def test_more_events_never_help(scenario, name, count, few, more):
    less = with_demands(scenario, **{count: few})
    much = with_demands(scenario, **{count: few + more})
    # The first packet of an operation also decides whether its link counts packets at all.
    assume(count != "packets" or few > 0)
    assert kept(much, name) <= kept(less, name) * (1 + 1e-9)


@given(scenarios(), sets)
@settings(max_examples=200, deadline=None)
def test_a_smaller_page_never_helps(scenario, name):
    sizes = [
        s for s in ("4k", "2m", "1g") if s in WORDS.runtimes[scenario.runtime].allowed["page_size"]
    ]
    found = [with_options(scenario, {**scenario.mechanisms, "page_size": s}) for s in sizes]
    kept_by = [kept(s, name) for s in found if s is not None]
    assert all(big >= small * (1 - 1e-9) for small, big in pairwise(kept_by))


@given(scenarios(), sets)
@settings(max_examples=200, deadline=None)
def test_a_remote_node_never_helps(scenario, name):
    nodes = ("local", "interleaved", "remote")
    assume(scenario.mechanisms.get("pinning") != "on")
    assume("remote" in WORDS.runtimes[scenario.runtime].allowed["numa"])
    found = [with_options(scenario, {**scenario.mechanisms, "numa": n}) for n in nodes]
    near, between, far = (kept(s, name) for s in found)
    assert far <= between * (1 + 1e-9)
    assert between <= near * (1 + 1e-9)


SLOWER_PATHS = [
    ("vm", "network_path", "sr-iov", "vhost-net"),
    ("vm", "network_path", "vhost-net", "virtio"),
    ("container", "network_path", "host", "veth"),
    ("container", "network_path", "veth", "nat"),
    ("vm", "storage_path", "nvme-passthrough", "vhost-user-blk"),
    ("vm", "storage_path", "vhost-user-blk", "virtio-scsi"),
    ("container", "storage_path", "host", "overlayfs"),
    ("kata", "storage_path", "virtiofs", "9p"),
    ("gvisor", "syscall_boundary", "kvm", "systrap"),
    ("gvisor", "syscall_boundary", "systrap", "ptrace"),
    ("wasm", "code_generation", "optimising", "baseline"),
    ("wasm", "code_generation", "baseline", "interpreter"),
]


@pytest.mark.parametrize(("runtime", "key", "quick", "slow"), SLOWER_PATHS)
@pytest.mark.parametrize("name", ["reference", "pessimistic"])
def test_a_slower_path_never_helps(runtime, key, quick, slow, name):
    for workload in vocabulary().workloads:
        better, worse = (
            kept(Scenario(runtime, workload, **HOST, mechanisms={key: v}), name)
            for v in (quick, slow)
        )
        assert worse <= better * (1 + 1e-9), workload


@given(scenarios(runtimes=("vm",), most_options=0), st.sampled_from(("network", "storage")))
@settings(max_examples=60, deadline=None)
def test_a_slow_link_or_device_hides_the_path(scenario, resource):
    if resource == "network":
        slow, quick = {"network_gbps": 1.0}, {"network_gbps": 100.0}
    else:
        slow, quick = {"storage_iops": 500.0}, {"storage_iops": 500_000.0}
    record = {**scenario.as_dict(), "memory_gb": 64.0}
    here, there = (kept(Scenario(**{**record, **host})) for host in (slow, quick))
    assert here >= there * (1 - 1e-9)


@pytest.mark.parametrize(
    ("workload", "host"),
    [
        ("network.throughput", {"network_gbps": 1.0}),
        ("network.pps", {"network_gbps": 1.0}),
        ("storage.random-read", {"storage_iops": 500.0}),
        ("storage.random-write", {"storage_iops": 500.0}),
        ("storage.sequential-read", {"storage_iops": 500.0}),
        ("storage.latency", {"storage_iops": 100.0}),
        ("storage.tail-latency", {"storage_iops": 100.0}),
    ],
)
def test_virtio_approaches_bare_metal_on_a_slow_host(workload, host):
    assert kept(Scenario("vm", workload, **{**HOST, **host})) > 0.94
    assert kept(Scenario("vm", workload, **HOST)) < 0.87


@given(st.floats(0, 1), st.floats(1, 4096), st.floats(1, 4096))
def test_more_cores_never_lower_the_native_throughput_under_amdahl(parallel, one, other):
    few, many = sorted((one, other))
    assert amdahl_speedup(parallel, many) >= amdahl_speedup(parallel, few) * (1 - 1e-12)


@given(scenarios())
@settings(max_examples=60, deadline=None)
def test_the_ends_of_the_ranges_enclose_the_whole(scenario):
    worst, best = (
        evaluate([scenario], constants(end)).retained[0] for end in ("pessimistic", "optimistic")
    )
    # A slower device can hide more of a path than the path's own range takes away: 2 %.
    assert worst <= best * 1.02
