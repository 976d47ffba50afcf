"""Recommendations over HTTP and on the command line."""

from __future__ import annotations

import json

import pytest

from serving.recommend import parse_recommend
from tests.serving.test_cli import run, told
from tests.serving.test_service import failure

WEB = {"workload": "web", "cores": 8}
FLAGS = ["--workload", "web", "--cores", "8"]
TREE = {"extreme_performance": "no", "isolation": "medium"}


def test_the_document_of_the_design(client):
    response = client.post("/recommend", json={**WEB, "isolation": "medium"})
    assert response.status_code == 200, response.text
    document = response.json()
    assert document["scenario"] == WEB
    prices = [record["cost_per_retained"] for record in document["ranked"]]
    assert prices == sorted(prices)
    wanted = {"runtime", "retained", "interval", "cost_per_retained", "p_best", "density"}
    assert all(wanted <= record.keys() for record in document["ranked"])
    excluded = {r["runtime"]: r["reasons"] for r in document["excluded"]}
    assert excluded == {
        "native": ["isolation is none, below medium"],
        "container": ["isolation is weak, below medium"],
    }
    assert 0 <= document["p_first_better_than_second"] <= 1


def test_all_fields_at_once(client):
    asked = {
        **WEB,
        "memory_gb": 64,
        "mechanisms": {"page_size": "1g"},
        "runtimes": ["container", "gvisor", "vm"],
        "level": 0.8,
        "native_value": 100.0,
        "unit": "ms",
        "isolation": "weak",
        "hardware_binding": False,
        "cold_start_ms": 1e5,
        "retained_at_least": 0.01,
        "with_probability": 0.5,
        "snapshots": True,
        "budget_usd": 1e6,
        "host_usd": {"hardware": 9000, "power": 3000},
        "instances": 10,
        "workload_memory_mb": 256,
        "tree": TREE,
    }
    document = client.post("/recommend", json=asked).json()
    assert {r["runtime"] for r in document["ranked"]} == {"container", "gvisor", "vm"}
    assert document["tree"]["runtime"] == "microvm"
    assert document["ranked_by"] == "tco_usd"
    for record in document["ranked"]:
        assert record["value"] == pytest.approx(100.0 / record["retained"])
        assert record["p_retained_at_least"] >= 0.5
        left_out = any("left out" in r for r in record["novelty"]["reasons"])
        assert left_out == (record["runtime"] == "gvisor")


def test_nothing_may_hold(client):
    document = client.post(
        "/recommend", json={**WEB, "confidential": True, "live_migration": True}
    ).json()
    assert document["ranked"] == []
    assert len(document["excluded"]) == 11
    assert document["p_first_better_than_second"] is None


def test_the_tree_alone_needs_no_model(client_without_model):
    document = client_without_model.post("/recommend", json={"tree": TREE}).json()
    assert document.keys() == {"tree"}
    assert document["tree"]["retained"] == [0.91, 0.91]
    error = client_without_model.post("/recommend", json=WEB)
    failure(error, 503, "model_unavailable")


def test_the_example_of_the_docs_works(client):
    document = client.get("/docs.json").json()
    content = document["paths"]["/recommend"]["post"]["requestBody"]["content"]
    assert client.post("/recommend", json=content["application/json"]["example"]).is_success
    assert {"RecommendBody", "Recommendation", "Ranked"} <= document["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "workload"),
        ({**WEB, "isolation": "mediun"}, "isolation"),
        ({**WEB, "isolation": 3}, "isolation"),
        ({**WEB, "isolatoin": "weak"}, "isolatoin"),
        ({**WEB, "confidential": "yes"}, "confidential"),
        ({**WEB, "runtimes": ["vmm"]}, "runtimes[0]"),
        ({**WEB, "cold_start_ms": -1}, "cold_start_ms"),
        ({**WEB, "with_probability": 0.5}, "with_probability"),
        ({**WEB, "host_usd": {"hardware": 1}}, "instances"),
        ({**WEB, "instances": 1.5}, "instances"),
        ({**WEB, "tco_usd": {"vmm": 1}}, "tco_usd.vmm"),
        ({"tree": {"isolation": "weak"}}, "tree.extreme_performance"),
        ({"tree": {}}, "tree.extreme_performance"),
    ],
)
def test_what_is_wrong_is_422_and_named(client, given, field):
    error = failure(client.post("/recommend", json=given), 422, "invalid_input")
    assert field in [detail["field"] for detail in error["details"]]


def test_absurd_numbers_are_422(client):
    body = b'{"workload": "web", "host_usd": {"power": 1}, "instances": 1' + b"0" * 400 + b"}"
    response = client.post("/recommend", content=body, headers={"content-type": "application/json"})
    failure(response, 422, "invalid_input")


def test_null_is_not_given():
    wish = parse_recommend({**WEB, "cold_start_ms": None, "tree": None})
    assert wish.constraints.cold_start_ms is None
    assert wish.tree is None


@pytest.mark.usefixtures("home")
class TestCommand:
    def test_flags_and_fields_ask_the_same(self, client):
        asked = {**WEB, "isolation": "medium", "hardware_binding": False, "cold_start_ms": 5000}
        asked |= {"retained_at_least": 0.05, "with_probability": 0.6, "snapshots": True}
        asked |= {"budget_usd": 90000, "relative_cost": {"gvisor": 0.1}, "tree": TREE}
        flags = ["--isolation", "medium", "--no-hardware-binding", "--cold-start-ms", "5000"]
        flags += ["--retained-at-least", "0.05", "--with-probability", "0.6", "--snapshots"]
        flags += ["--budget", "90000", "--relative-cost", "gvisor=0.1"]
        flags += ["--tree", "extreme_performance=no", "--tree", "isolation=medium"]
        made = json.loads(run("recommend", *FLAGS, *flags, "--json"))
        assert made == client.post("/recommend", json=asked).json()
        assert {r["runtime"] for r in made["ranked"]} == {"gvisor", "microvm"}

    def test_money_of_ones_own(self):
        flags = ["--host-usd", "hardware=9000", "--host-usd", "operations=1000"]
        flags += ["--instances", "100", "--workload-memory-mb", "200", "--tco-usd", "vm=77"]
        made = json.loads(run("recommend", *FLAGS, "--memory-gb", "64", *flags, "--json"))
        tco = {r["runtime"]: r["tco_usd"] for r in made["ranked"]}
        assert (tco["vm"], tco["container"]) == (77, 10_000)
        assert "USD/retained" in run("recommend", *FLAGS, *flags)

    def test_a_person_reads_what_holds_and_why_the_rest_does_not(self):
        text = run("recommend", *FLAGS, "--isolation", "medium", "--with", "page_size=1g")
        assert text.index("cheapest per retained") < text.index("excluded")
        assert "isolation is weak, below medium" in text
        assert "is truly better than" in text
        assert "gvisor cannot have page_size=1g: left out" in text

    def test_when_nothing_holds_it_is_said(self):
        text = run("recommend", *FLAGS, "--confidential", "--live-migration")
        assert "no runtime holds" in text


@pytest.mark.usefixtures("empty_home")
def test_the_tree_is_answered_without_a_model():
    flags = ["--tree", "extreme_performance=yes", "--tree", "hardware_binding=yes"]

    def untouched():
        raise AssertionError("a model was asked for")

    text = run("recommend", *flags, ensure=untouched)
    assert "decision tree: native, which it says keeps 100%" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "workload: is required"),
        ([*FLAGS, "--isolation", "mediun"], "did you mean medium"),
        ([*FLAGS, "--isolation", "3"], "isolation: unknown"),
        ([*FLAGS, "--budget", "much"], "budget_usd: a number is needed, not 'much'"),
        ([*FLAGS, "--cold-start-ms", "nan"], "cold_start_ms: must be"),
        ([*FLAGS, "--tco-usd", "vm"], "tco_usd: KEY=VALUE is needed"),
        ([*FLAGS, "--tco-usd", "vm=x"], "tco_usd.vm: a number is needed"),
        ([*FLAGS, "--tco-usd", "vm=1", "--tco-usd", "vm=2"], "given twice"),
        ([*FLAGS, "--host-usd", "power=1", "--instances", "1.5"], "a whole number"),
        ([*FLAGS, "--host-usd", "power=1", "--instances", "inf"], "instances"),
        (["--tree", "extreme_performance=maybe"], "tree.extreme_performance: unknown"),
        (["--tree", "extreme=yes"], "did you mean extreme_performance"),
        (["--workload", "nginx"], "nginx is a program"),
    ],
)
def test_bad_input_is_one_clear_line(arguments, said):
    assert said in told("recommend", *arguments)
