"""What an instance costs: a posterior by hand, its limits, and what options change."""

from __future__ import annotations

import json
import math
from statistics import NormalDist, fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.constants import constants
from features.cost import MB_PER_GB
from features.overcommit import ksm_cpu_share, memory_available_gb, memory_held
from features.properties import properties
from features.scenario import Scenario
from features.vocabulary import vocabulary
from models.instance import density, estimate, estimate_instance, spread_between_sources

RUNTIMES = tuple(vocabulary().runtimes)


def told(**sources):
    values = sorted(sources.values())
    quantiles = {"q10": values[0], "median": values[len(values) // 2], "q90": values[-1]}
    return {"sources": sources, **quantiles, "rows": len(values)}


def test_the_posterior_by_hand():
    card = {"container": {"memory_mb": told(a=10.0, b=20.0)}}
    found = estimate("container", "memory_mb", card, 0.9)
    logs = [math.log(v) for v in (10.0, 20.0, 50.0)]
    squares = 4 * 0.7**2 + 2 * (math.log(2.0) / 2) ** 2
    spread = math.sqrt(squares / 5)
    assert spread_between_sources(card, "memory_mb") == pytest.approx(spread)
    law = NormalDist(fmean(logs), spread * math.sqrt(4 / 3))
    assert found.value == pytest.approx(math.exp(law.mean))
    ends = [math.exp(law.inv_cdf(p)) for p in (0.05, 0.95)]
    assert found.interval == pytest.approx(ends)
    assert found.reference == 50
    assert found.measured["sources"] == {"a": 10.0, "b": 20.0}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_without_measurements_the_figure_is_the_answer(runtime):
    found = estimate_instance(Scenario(runtime, "web"), {})
    figure = properties()[runtime]
    assert found.start_ms.value == figure.start_ms.value
    assert found.memory_mb.value == figure.memory_mb.value
    assert found.start_ms.measured is None
    # A source never seen may differ more than the range that was given.
    for one, told_of in ((found.start_ms, figure.start_ms), (found.memory_mb, figure.memory_mb)):
        assert one.interval[1] / one.interval[0] > told_of.high / told_of.low
    # An instance of a runtime whose memory is assumed has no printed figure.
    assert (found.memory_mb.reference is None) == (figure.memory_mb.kind != "reference")


def test_a_cited_figure_is_not_counted_beside_its_own_source():
    card = {"microvm": {"start_ms": told(firecracker_nsdi2020=200.0)}}
    assert estimate("microvm", "start_ms", card, 0.9).value == pytest.approx(200)


@given(st.lists(st.floats(1, 1e5), min_size=1, max_size=6), st.floats(1, 1e5))
def test_the_estimate_lies_between_what_was_said_and_follows_it(values, more):
    sources = {f"s{i}": v for i, v in enumerate(values)}
    before = estimate("container", "start_ms", {"container": {"start_ms": told(**sources)}}, 0.9)
    said = [1000.0, *values]
    assert min(said) * (1 - 1e-9) <= before.value <= max(said) * (1 + 1e-9)
    assert before.interval[0] < before.value < before.interval[1]
    card = {"container": {"start_ms": told(**sources, new=more)}}
    after = estimate("container", "start_ms", card, 0.9)
    assert (after.value - before.value) * (more - before.value) >= -1e-6 * before.value * more


@given(st.sampled_from(RUNTIMES), st.floats(0.05, 0.5), st.floats(0.5, 0.99))
def test_a_wider_promise_is_a_wider_interval(runtime, narrow, wide):
    small = estimate(runtime, "start_ms", {}, narrow).interval
    large = estimate(runtime, "start_ms", {}, wide).interval
    assert large[0] <= small[0] <= small[1] <= large[1]


def test_compiling_on_arrival_waits():
    ahead = estimate_instance(Scenario("wasm", "web"), {}).start_ms
    late = estimate_instance(Scenario("wasm", "web", mechanisms={"compiled_ahead": "no"}), {})
    assert late.start_ms.value - ahead.value == pytest.approx(300)
    assert late.start_ms.interval[0] - ahead.interval[0] == pytest.approx(100)
    assert late.start_ms.interval[1] - ahead.interval[1] == pytest.approx(500)


def test_the_references_densities_on_the_host_it_implies():
    for runtime, printed in {"vm": 20, "container": 500, "microvm": 200, "wasm": 5000}.items():
        found = estimate_instance(Scenario(runtime, "web"), {}).density_per_host
        assert (found.value, found.reference, found.host_gb) == (printed, printed, 25)
    double = estimate_instance(Scenario("container", "web", memory_gb=50), {}).density_per_host
    assert (double.value, double.host_gb) == (1000, 50)


def test_bare_metal_is_one_machine():
    found = estimate_instance(Scenario("native", "web", memory_gb=64), {})
    assert found.memory_mb.value == 64_000
    assert (found.density_per_host.value, found.density_per_host.interval) == (1, (1, 1))


hosts = st.floats(0.5, 2048)
balloons = st.sampled_from(vocabulary().mechanisms["balloon"].values)
merging = st.sampled_from(vocabulary().mechanisms["ksm"].values)


@given(hosts, st.floats(1, 256), balloons, merging, st.floats(0, 5000))
def test_what_fits_fits_and_one_more_does_not(memory_gb, cores, balloon, ksm, workload_mb):
    options = {"balloon": balloon, "ksm": ksm}
    scenario = Scenario("vm", "web", cores=cores, memory_gb=memory_gb, mechanisms=options)
    memory = estimate_instance(scenario, {}).memory_mb
    found = density(scenario, memory, workload_mb)
    low, high = found.interval
    assert 0 <= low <= found.value <= high
    values, words = constants(), vocabulary().mechanisms
    taken = values["balloon_share"][words["balloon"].values.index(balloon)]
    merged = values["ksm_duplicate_share"][words["ksm"].values.index(ksm)]
    scanned = memory_gb if ksm == "on" else 0.0
    busy = ksm_cpu_share(scanned, values["ksm_loss_per_10gb"][0], cores)
    held_gb = memory_held(memory.value + workload_mb, taken, merged, busy) / MB_PER_GB
    slack = 1e-9 * memory_gb
    assert memory_available_gb(memory_gb, found.value * held_gb) >= -slack
    assert memory_available_gb(memory_gb, (found.value + 1) * held_gb) <= slack


@given(hosts, hosts)
def test_more_memory_never_holds_less(a, b):
    small, large = sorted((a, b))
    few, many = (
        estimate_instance(Scenario("kata", "web", memory_gb=gb), {}).density_per_host
        for gb in (small, large)
    )
    assert few.value <= many.value


def test_a_start_under_a_balloon_waits_for_the_new_instances_memory():
    plain = estimate_instance(Scenario("vm", "web"), {})
    tight = estimate_instance(Scenario("vm", "web", mechanisms={"balloon": "light"}), {})
    assert tight.start_ms.value - plain.start_ms.value == pytest.approx(125)
    assert tight.density_per_host.value > plain.density_per_host.value
    document = tight.as_dict()
    assert json.loads(json.dumps(document)) == document


def test_merging_takes_a_pass_over_the_host_and_leaves_what_does_not_fit():
    plain = estimate_instance(Scenario("vm", "web", memory_gb=64.0), {}).density_per_host
    asked = Scenario("vm", "web", memory_gb=64.0, mechanisms={"ksm": "on"})
    merged = estimate_instance(asked, {}).density_per_host
    assert plain.merged_after_s is None
    assert merged.merged_after_s == pytest.approx(64_000 / 500)
    assert merged.value > plain.value
    assert 0.0 <= plain.free_gb < 64.0
