"""Recommendations: distributions from intervals, constraints, ranking and its probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cost import CostInputs
from features.errors import InvalidInput
from features.properties import ISOLATION, properties
from features.scenario import Scenario
from features.vocabulary import vocabulary
from models.instance import estimate_instance
from models.prediction import Novelty, Prediction
from models.recommendation import (
    Constraints,
    p_at_least,
    p_least,
    p_less,
    quantiles,
    recommend,
)

RUNTIMES = tuple(vocabulary().runtimes)
WEB = [Scenario(runtime, "web", cores=8) for runtime in RUNTIMES]


@dataclass(frozen=True)
class Known:
    """Predicts log-normally: a median of each runtime, one deviation of the logarithm."""

    kept: dict[str, float] = field(default_factory=dict)
    deviation: float = 0.2
    measured: dict[str, Any] = field(default_factory=dict)

    def predict(self, scenarios, *, level=0.9):
        reach = self.deviation * NormalDist().inv_cdf((1 + level) / 2)
        made = []
        for scenario in scenarios:
            kept = self.kept.get(scenario.runtime, 0.8)
            ends = (kept * float(np.exp(-reach)), kept * float(np.exp(reach)))
            novelty = Novelty(0.0, False)
            whole = (1.0, 1.0)
            instance = estimate_instance(scenario, self.measured, level=level)
            made.append(
                Prediction(
                    *(scenario, kept, ends, level, (), (), (), whole, 1.0, 100.0, {}, novelty, ()),
                    *(instance, "", ""),
                )
            )
        return made


def asked(constraints=None, inputs=None, predictor=None, scenarios=WEB):
    return recommend(
        predictor or Known(), scenarios, constraints or Constraints(), inputs or CostInputs()
    )


def names(document):
    return [record["runtime"] for record in document["ranked"]]


def test_quantiles_give_back_the_distribution():
    [drawn] = quantiles(Known({"vm": 0.7}, 0.3), [Scenario("vm", "web")])
    law = NormalDist(np.log(0.7), 0.3)
    assert (np.diff(drawn) >= 0).all()
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert np.quantile(drawn, share) == pytest.approx(law.inv_cdf(share), abs=0.02)
    assert p_at_least(drawn, 0.6) == pytest.approx(1 - law.cdf(np.log(0.6)), abs=0.02)


def test_the_pairs_probability_is_that_of_two_normals():
    a, b = quantiles(Known({"vm": 0.7, "gvisor": 0.6}, 0.2), WEB[2:5:2])
    true = NormalDist(np.log(0.6) - np.log(0.7), 0.2 * np.sqrt(2)).cdf(0)
    assert p_less(b, a) == pytest.approx(true, abs=0.02)
    least = p_least([b, a])
    assert least[0] == pytest.approx(true, abs=0.02)
    assert sum(least) == pytest.approx(1.0)


values = st.lists(st.floats(-3, 1), min_size=5, max_size=5).map(np.array)


@given(values, values)
def test_a_probability_and_its_opposite_sum_to_one(a, b):
    assert 0 <= p_less(a, b) <= 1
    assert p_less(a, b) + p_less(b, a) == pytest.approx(1.0)
    assert p_less(a, a) == pytest.approx(0.5)
    least = p_least([a, b])
    assert all(0 <= p <= 1 for p in least)
    assert sum(least) == pytest.approx(1.0)


def test_the_references_costs_by_performance():
    kept = {"vm": 0.86, "container": 0.97, "microvm": 0.91, "wasm": 0.94}
    document = asked(predictor=Known(kept))
    found = {r["runtime"]: r for r in document["ranked"]}
    for runtime, wanted in {"vm": 1.16, "container": 0.31, "microvm": 0.44, "wasm": 0.21}.items():
        assert round(found[runtime]["cost_per_retained"], 2) == wanted
    assert names(document)[0] == "wasm"
    assert sum(r["p_best"] for r in document["ranked"]) == pytest.approx(1.0)
    assert document["p_first_better_than_second"] > 0.5


@pytest.mark.parametrize(
    ("wanted", "left", "runtime", "reason"),
    [
        ({"isolation": "strong"}, "vm kata sgx sev sev-snp tdx", "wasm", "isolation is medium"),
        ({"confidential": True}, "sgx sev sev-snp tdx", "vm", "is not confidential"),
        ({"live_migration": True}, "vm", "container", "has no live migration"),
        ({"snapshots": True}, "container vm microvm gvisor", "kata", "has no snapshots"),
        ({"cold_start_ms": 500}, "microvm wasm", "container", "starts in 1,000 ms (196 to 5,"),
        ({"budget_usd": 35_000}, "container wasm", "vm", "costs 100,000 USD"),
        (
            {"hardware_binding": False, "confidential": True},
            "sev sev-snp tdx",
            "sgx",
            "is bound to one machine",
        ),
    ],
)
def test_each_constraint_leaves_what_holds_and_says_why_not(wanted, left, runtime, reason):
    document = asked(Constraints(**wanted))
    assert set(names(document)) == set(left.split())
    reasons = {r["runtime"]: r["reasons"] for r in document["excluded"]}
    assert any(said.startswith(reason) for said in reasons[runtime])
    assert set(names(document)) | set(reasons) == set(RUNTIMES)


def test_an_option_can_take_a_property_away():
    passed = [Scenario("vm", "web", mechanisms={"storage_path": "nvme-passthrough"})]
    document = asked(Constraints(snapshots=True), scenarios=passed)
    [excluded] = document["excluded"]
    assert excluded["reasons"] == ["has no snapshots with storage_path=nvme-passthrough"]


def test_performance_is_promised_with_a_probability():
    predictor = Known({"vm": 0.8, "gvisor": 0.5}, 0.2)
    wanted = Constraints(retained_at_least=0.7, with_probability=0.7)
    document = asked(wanted, predictor=predictor, scenarios=WEB[2:5:2])
    [record] = document["ranked"]
    true = NormalDist(np.log(0.8), 0.2).cdf(2 * np.log(0.8) - np.log(0.7))
    assert record["p_retained_at_least"] == pytest.approx(true, abs=0.02)
    assert "keeps 0.7 with probability 0.0" in document["excluded"][0]["reasons"][0]
    assert document["p_first_better_than_second"] is None
    surer = replace(wanted, with_probability=0.9)
    assert not names(asked(surer, predictor=predictor, scenarios=WEB[2:5:2]))


def test_a_host_of_ones_own_gives_density_and_money():
    inputs = CostInputs(
        host_usd={"hardware": 10_000, "software": 1000, "power": 3000, "operations": 6000},
        instances=100,
        workload_memory_mb=500,
    )
    scenarios = [Scenario(r, "web", memory_gb=64) for r in ("container", "vm", "native")]
    document = asked(inputs=inputs, scenarios=scenarios)
    found = {r["runtime"]: r for r in document["ranked"]}
    assert {r: v["density"] for r, v in found.items()} == {"container": 116, "vm": 36, "native": 1}
    assert {r: v["tco_usd"] for r, v in found.items()} == {
        "container": 20_000,
        "vm": 60_000,
        "native": 2_000_000,
    }
    assert document["ranked_by"] == "tco_usd"
    assert found["vm"]["cost_per_retained"] == pytest.approx(60_000 / 0.8)
    assert "given" in found["vm"]["sources"]["tco_3y_usd"]


def test_start_and_density_are_predicted_from_what_was_measured():
    start = {"sources": {"a": 250.0}, "median": 250.0, "q10": 250.0, "q90": 250.0, "rows": 1}
    predictor = Known(measured={"container": {"start_ms": start}})
    scenarios = [Scenario("container", "web"), Scenario("microvm", "web")]
    document = asked(Constraints(cold_start_ms=600), predictor=predictor, scenarios=scenarios)
    found = {r["runtime"]: r for r in document["ranked"]}
    assert found["container"]["start_ms"] == pytest.approx(500)
    low, high = found["container"]["start_range_ms"]
    assert low < 250 < 1000 < high
    assert found["container"]["sources"]["start_ms"].endswith("measured: a")
    assert found["container"]["density"] == 500
    assert "host of 25 GB" in found["container"]["sources"]["density_per_host"]


def test_memory_given_back_holds_more_instances():
    plain = Scenario("vm", "web", cores=8, memory_gb=64)
    merged = replace(plain, mechanisms={"balloon": "moderate", "ksm": "on"})
    [few] = asked(scenarios=[plain])["ranked"]
    [many] = asked(scenarios=[merged])["ranked"]
    assert many["density"] > few["density"]
    assert many["start_ms"] == pytest.approx(few["start_ms"] + 125)


def test_what_does_not_fit_the_host_is_excluded():
    document = asked(scenarios=[Scenario("vm", "web", memory_gb=1)])
    assert "not one instance fits" in document["excluded"][0]["reasons"][0]
    assert document["ranked"] == []


def test_nothing_asked_of_nothing_is_nothing():
    document = asked(scenarios=[])
    assert (document["ranked"], document["excluded"]) == ([], [])


wishes = st.fixed_dictionaries(
    {},
    optional={
        "isolation": st.sampled_from(ISOLATION),
        "hardware_binding": st.just(False),
        "cold_start_ms": st.floats(1, 1e5),
        "retained_at_least": st.floats(0.3, 1.1),
        "confidential": st.just(True),
        "live_migration": st.just(True),
        "snapshots": st.just(True),
        "budget_usd": st.floats(1e4, 3e5),
    },
)


@given(wishes, st.sampled_from(sorted(Constraints.__dataclass_fields__)))
def test_one_constraint_less_never_loses_a_runtime(wanted, dropped):
    if dropped == "with_probability":
        return
    looser = {key: value for key, value in wanted.items() if key != dropped}
    strict, loose = asked(Constraints(**wanted)), asked(Constraints(**looser))
    assert set(names(strict)) <= set(names(loose))
    for document in (strict, loose):
        prices = [r["cost_per_retained"] for r in document["ranked"]]
        assert prices == sorted(prices)
        assert all(0 <= r["p_best"] <= 1 for r in document["ranked"])
        assert document["p_first_better_than_second"] is None or (
            0 <= document["p_first_better_than_second"] <= 1
        )
        assert all(r["reasons"] for r in document["excluded"])


@given(st.sampled_from(RUNTIMES), st.floats(0.05, 0.99))
def test_cheaper_never_ranks_worse(runtime, share):
    before = asked()
    cheaper = share * properties()[runtime].relative_cost.value
    after = asked(inputs=CostInputs(relative_cost={runtime: cheaper}))
    assert names(after).index(runtime) <= names(before).index(runtime)
    p_before, p_after = (
        next(r["p_best"] for r in d["ranked"] if r["runtime"] == runtime) for d in (before, after)
    )
    assert p_after >= p_before


def test_the_same_question_has_the_same_answer():
    assert asked() == asked()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Constraints(isolation="mediun"), "isolation: .*did you mean medium"),
        (lambda: Constraints(cold_start_ms=float("nan")), "cold_start_ms: must be"),
        (lambda: Constraints(retained_at_least=0.0), "retained_at_least: must be"),
        (lambda: Constraints(with_probability=0.9), "means nothing without retained_at_least"),
        (lambda: Constraints(retained_at_least=0.5, with_probability=1.0), "with_probability"),
        (lambda: Constraints(budget_usd=-1.0), "budget_usd: must be"),
        (lambda: CostInputs(tco_usd={"gvisr": 1.0}), "tco_usd.gvisr: .*did you mean gvisor"),
        (lambda: CostInputs(relative_cost={"vm": 0.0}), "relative_cost.vm: must be"),
        (lambda: CostInputs({"vm": 1.0}, {"vm": 1.0}), "leave one out"),
        (lambda: CostInputs(host_usd={"hardware": 1.0}), "instances: is required"),
        (lambda: CostInputs(host_usd={"hardwar": 1.0}, instances=1), "did you mean hardware"),
        (lambda: CostInputs(host_usd={"power": 0.0}, instances=1), "sums to 0"),
        (lambda: CostInputs(instances=10**400), "instances: must be"),
    ],
)
def test_what_is_wrong_is_named(made, said):
    with pytest.raises(InvalidInput, match=said):
        made()
