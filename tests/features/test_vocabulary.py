"""Every shipped data file is loaded, and a wrong name is answered with the near ones."""

from __future__ import annotations

import pytest

from features.constants import constants, quantities
from features.errors import InvalidInput, near_names
from features.scenario import Scenario, scenario_from_flat
from features.vocabulary import RESOURCES, vocabulary

WORDS = vocabulary()


def test_the_eleven_runtimes_and_five_families_of_the_design():
    assert list(WORDS.runtimes) == [
        *("native", "container", "vm", "microvm", "gvisor", "kata", "wasm"),
        *("sgx", "sev", "sev-snp", "tdx"),
    ]
    assert {"web", "database", "ai", "big-data", "hpc"} <= set(WORDS.workloads)


@pytest.mark.parametrize("name", WORDS.workloads)
def test_shares_sum_to_one_and_the_kind_is_said(name):
    workload = WORDS.workloads[name]
    assert sum(workload.demands[r] for r in RESOURCES) == pytest.approx(1.0)
    assert workload.kind in {"reference", "traced", "assumed"}
    assert workload.source


@pytest.mark.parametrize("name", ["web", "database", "ai", "big-data", "hpc"])
def test_the_families_carry_the_references_weights(name):
    weights = {
        "web": (0.3, 0.2, 0.4, 0.1),
        "database": (0.2, 0.3, 0.1, 0.4),
        "ai": (0.4, 0.3, 0.1, 0.2),
        "big-data": (0.2, 0.3, 0.3, 0.2),
        "hpc": (0.5, 0.2, 0.2, 0.1),
    }
    demands = WORDS.workloads[name].demands
    assert tuple(demands[r] for r in RESOURCES) == pytest.approx(weights[name])


@pytest.mark.parametrize("name", quantities())
def test_a_constant_has_a_source_and_lies_in_its_range(name):
    quantity = quantities()[name]
    assert quantity.better in {"low", "high"}
    for key, constant in quantity.entries.items():
        assert constant.low <= constant.value <= constant.high, key
        assert constant.source, key
        assert constant.kind in {"reference", "assumed", "cited"}


@pytest.mark.parametrize("name", quantities())
def test_every_runtime_and_option_has_each_constant(name):
    vector = constants()[name]
    assert all(v == v for v in vector), f"{name} has no value for some key"


def test_a_wrong_name_is_answered_with_the_near_ones():
    assert near_names("gvizor", WORDS.runtimes)[0] == "gvisor"
    assert "database.kv" in near_names("kv", WORDS.workloads)
    with pytest.raises(InvalidInput, match="did you mean gvisor"):
        Scenario("gvizor", "web")
    with pytest.raises(InvalidInput, match=r"did you mean .*web\.static"):
        Scenario("vm", "web.statik")


def test_a_programs_name_is_answered_with_its_workload():
    with pytest.raises(InvalidInput, match=r"nginx is a program; its workload is web\.static"):
        Scenario("vm", "nginx")
    with pytest.raises(InvalidInput, match=r"its workload is database\.sql"):
        Scenario("vm", "PostgreSQL")


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 1e12, "8", True])
def test_an_absurd_host_is_refused_by_field(value):
    with pytest.raises(InvalidInput, match="cores: must be 1 to 4096") as caught:
        Scenario("vm", "web", cores=value)
    assert caught.value.problems[0].field == "cores"


def test_an_option_that_a_runtime_cannot_have_is_refused_with_those_it_can():
    with pytest.raises(InvalidInput, match="wasm cannot have network_path=sr-iov"):
        Scenario("wasm", "web", mechanisms={"network_path": "sr-iov"})
    assert Scenario("vm", "web", mechanisms={"network_path": "sr-iov"})


def test_all_problems_are_told_at_once():
    with pytest.raises(InvalidInput) as caught:
        Scenario("vmm", "webb", cores=0, mechanisms={"page_sise": "2m"}, demands={"cpu": 0.4})
    fields = {p.field for p in caught.value.problems}
    assert fields == {"runtime", "workload", "cores", "mechanisms.page_sise", "demands"}


def test_demands_may_stand_in_place_of_a_workload():
    own = Scenario("vm", demands={"cpu": 0.5, "network": 0.5, "op_us": 20.0})
    assert own.family == "own"
    assert own.resolved_demands["network"] == 0.5
    with pytest.raises(InvalidInput, match="workload: is required"):
        Scenario("vm")


def test_a_flat_row_is_a_scenario_and_empty_cells_are_unknown():
    row = {"runtime": "vm", "workload": "web", "cores": "8", "memory_gb": "", "queue_depth": 4}
    scenario = scenario_from_flat({**row, "network_path": "sr-iov"})
    assert (scenario.cores, scenario.memory_gb) == (8.0, None)
    assert scenario.mechanisms == {"network_path": "sr-iov"}
    assert scenario.demands == {"queue_depth": 4.0}
    with pytest.raises(InvalidInput, match="cores: a number is needed, not 'many'"):
        scenario_from_flat({**row, "cores": "many"})


def test_the_same_question_of_another_runtime_keeps_what_it_can_have():
    asked = Scenario("vm", "web", mechanisms={"network_path": "sr-iov", "pinning": "on"})
    assert asked.under("wasm").mechanisms == {"pinning": "on"}
    assert asked.under("kata").mechanisms == dict(asked.mechanisms)
