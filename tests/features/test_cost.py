"""Cost, density, the properties' data file and the decision tree against the reference."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cost import cost_per_retained, density_per_host, hosts_needed, total_cost
from features.errors import InvalidInput
from features.properties import (
    ISOLATION,
    TREE_QUESTIONS,
    decision_tree,
    lost_with,
    properties,
)
from features.vocabulary import read_toml, vocabulary

# Reference 6.2.1: cost, performance, cost by performance, density, TCO in USD.
T17 = {
    "vm": (1.0, 0.86, 1.16, 20, 100_000),
    "container": (0.3, 0.97, 0.31, 500, 35_000),
    "microvm": (0.4, 0.91, 0.44, 200, 45_000),
    "wasm": (0.2, 0.94, 0.21, 5000, 25_000),
}
HOST_GB = 25.0
positive = st.floats(1e-3, 1e9)


@pytest.mark.parametrize("runtime", T17)
def test_the_references_cost_table(runtime):
    cost, retained, by_performance, density, tco = T17[runtime]
    found = properties()[runtime]
    assert found.relative_cost.value == cost
    assert round(cost_per_retained(cost, retained), 2) == by_performance
    assert found.density_per_host.value == density
    assert density_per_host(HOST_GB, found.memory_mb.value) == density
    assert found.tco_3y_usd.value == tco
    for name in ("relative_cost", "density_per_host", "tco_3y_usd"):
        assert found.sources[name].startswith("reference 6.2.1")


def test_wasm_against_a_container():
    wasm, container = properties()["wasm"], properties()["container"]
    assert (container.start_ms.value, wasm.start_ms.value) == (1000, 10)
    assert (container.memory_mb.value, wasm.memory_mb.value) == (50, 5)
    assert (container.density_per_host.high, wasm.density_per_host.high) == (1000, 10_000)
    assert wasm.isolates("medium")
    assert not container.isolates("medium")


def test_every_runtime_has_every_property_with_its_source():
    assert set(properties()) == set(vocabulary().runtimes)
    for found in properties().values():
        assert found.isolation in ISOLATION
        assert len(found.sources) == 10
        assert all(found.sources.values())


@pytest.mark.parametrize("runtime", ["gvisor", "kata", "sgx"])
def test_an_assumed_density_is_its_footprint_on_the_implied_host(runtime):
    found = properties()[runtime]
    assert density_per_host(HOST_GB, found.memory_mb.value) == pytest.approx(
        found.density_per_host.value, rel=0.02
    )


def test_only_the_memory_encrypting_runtimes_are_confidential():
    held = {name for name, found in properties().items() if found.confidential}
    assert held == {"sgx", "sev", "sev-snp", "tdx"}


def test_options_take_away_only_what_there_is():
    mechanisms = vocabulary().mechanisms
    for entry in read_toml("properties.toml")["lost_with"]:
        key, _, value = entry["option"].partition("=")
        assert value in mechanisms[key].values
        assert set(entry["lost"]) <= {"live_migration", "snapshots"}
    assert lost_with("snapshots", {"storage_path": "nvme-passthrough"})
    assert lost_with("snapshots", {"storage_path": "virtio-blk"}) is None


@given(positive, positive, st.floats(0.01, 1.2), st.floats(0.01, 1.2))
def test_less_money_or_more_performance_is_never_dearer(cost, more, low, high):
    low, high = sorted((low, high))
    assert cost_per_retained(cost, high) <= cost_per_retained(cost, low)
    assert cost_per_retained(cost, low) <= cost_per_retained(cost + more, low)


@given(st.integers(1, 10**6), st.integers(1, 10**5))
def test_hosts_carry_all_and_none_is_idle(instances, density):
    hosts = hosts_needed(instances, density)
    assert (hosts - 1) * density < instances <= hosts * density


def test_a_total_is_its_parts():
    assert total_cost(hardware=8.0, software=1.0, power=2.0, operations=4.0) == 15.0


# Every path of the tree: answers in the order they are asked, and the leaf.
PATHS = [
    ({"extreme_performance": "yes", "hardware_binding": "yes"}, "native", (1.0, 1.0)),
    (
        {"extreme_performance": "yes", "hardware_binding": "no", "start_critical": "yes"},
        "wasm",
        (0.94, 0.94),
    ),
    (
        {"extreme_performance": "yes", "hardware_binding": "no", "start_critical": "no"},
        "container",
        (0.97, 0.97),
    ),
    ({"extreme_performance": "no", "isolation": "strong"}, "vm", (0.86, 0.86)),
    ({"extreme_performance": "no", "isolation": "medium"}, "microvm", (0.91, 0.91)),
    (
        {"extreme_performance": "no", "isolation": "weak", "start_critical": "yes"},
        "wasm",
        (0.94, 0.94),
    ),
    (
        {"extreme_performance": "no", "isolation": "weak", "start_critical": "no"},
        "container",
        (0.97, 0.97),
    ),
]


@pytest.mark.parametrize(("answers", "runtime", "retained"), PATHS)
def test_each_path_of_the_tree_ends_where_the_reference_says(answers, runtime, retained):
    found = decision_tree(answers)
    assert (found.runtime, found.retained) == (runtime, retained)
    assert found.path == tuple(f"{k}={v}" for k, v in answers.items())
    for count in range(len(answers)):
        open_ones = dict(list(answers.items())[:count])
        with pytest.raises(InvalidInput, match=f"tree.{list(answers)[count]}: is asked next"):
            decision_tree(open_ones)


def test_all_answers_together_lead_to_one_of_the_paths():
    for said in itertools.product(*TREE_QUESTIONS.values()):
        answers = dict(zip(TREE_QUESTIONS, said, strict=True))
        found = decision_tree(answers)
        [wanted] = [runtime for path, runtime, _ in PATHS if path.items() <= answers.items()]
        assert found.runtime == wanted


def test_a_wrong_answer_is_told_with_the_near_ones():
    with pytest.raises(InvalidInput, match="did you mean medium"):
        decision_tree({"isolation": "mediun"})
    with pytest.raises(InvalidInput, match="did you mean start_critical"):
        decision_tree({"start-critical": "yes"})
