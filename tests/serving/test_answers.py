"""Answers: order, values in the caller's unit, and what was left out."""

from __future__ import annotations

import pytest

from features.native import NativeValue
from serving import answers
from serving.answers import answer, compare
from serving.documents import Evidence, Part, Prediction, Resource
from serving.schema import parse_compare, parse_predict

WEB = {"runtime": "gvisor", "workload": "web", "cores": 8}


def one(predictor, **more):
    return answer(predictor, parse_predict({**WEB, **more}))[0]


def test_answers_come_in_the_order_of_the_questions(predictor, monkeypatch):
    monkeypatch.setattr(answers, "CHUNK", 2)
    asked = [
        {"runtime": runtime, "workload": "web", "level": level}
        for runtime, level in [("vm", 0.9), ("gvisor", 0.6), ("container", 0.9), ("vm", 0.6)] * 2
    ]
    records = answer(predictor, parse_predict(asked))
    assert [r["level"] for r in records] == [a["level"] for a in asked]
    for record, document in zip(records, asked, strict=True):
        alone = answer(predictor, parse_predict(document))[0]
        assert record["retained"] == pytest.approx(alone["retained"], rel=1e-9)


def test_the_documents_tell_of_all_that_is_answered(predictor):
    record = one(predictor, native_value=12000, unit="requests/s")
    assert record.keys() == Prediction.model_fields.keys()
    for found, told in (
        (record["parts"][0], Part),
        (record["resources"]["cpu"], Resource),
        (record["evidence"][0], Evidence),
    ):
        assert found.keys() == told.model_fields.keys()


def test_a_wider_promise_is_a_wider_interval(predictor):
    narrow, wide = (one(predictor, level=level)["interval"] for level in (0.6, 0.95))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_throughput_shrinks_and_time_grows(predictor):
    kept = one(predictor)["retained"]
    rate = one(predictor, native_value=12000, unit="requests/s")
    time = one(predictor, native_value=5, unit="ms/request")
    assert rate["value"] == pytest.approx(12000 * kept)
    assert rate["unit"] == "requests/s"
    assert time["value"] == pytest.approx(5 / kept)
    assert "value" not in one(predictor)


@pytest.mark.parametrize(
    "unit", ["ns", "us", "\u00b5s", "ms", "s", "S", "seconds", "ns/op", "ms per op"]
)
def test_units_of_time_are_known(unit):
    assert NativeValue(1.0, unit).is_time


@pytest.mark.parametrize("unit", ["requests/s", "GB/s", "ops/sec", "msgs/s", "score", "/s"])
def test_other_units_are_throughput(unit):
    assert not NativeValue(1.0, unit).is_time


def test_a_value_from_fewer_cores_is_scaled_and_says_so(predictor):
    here = one(predictor, native_value=1000, unit="req/s")
    scaled = one(predictor, native_value=1000, unit="req/s", native_cores=4)
    assert 1.5 * here["value"] < scaled["value"] < 2 * here["value"]
    assert "Amdahl" in scaled["novelty"]["reasons"][-1]


def test_work_that_grows_with_the_cores_gains_more(predictor):
    asked = {"native_value": 1000, "unit": "req/s", "native_cores": 4}
    fixed = one(predictor, **asked)
    grown = one(predictor, **asked, scaling="scaled")
    assert grown["value"] > fixed["value"]
    assert "Gustafson" in grown["novelty"]["reasons"][-1]


def test_a_comparison_is_best_first_and_says_what_was_left_out(predictor):
    asked = {"workload": "web", "cores": 8, "mechanisms": {"page_size": "1g"}}
    document = compare(predictor, parse_compare(asked))
    kept = [record["retained"] for record in document["predictions"]]
    assert kept == sorted(kept, reverse=True)
    assert document["scenario"] == asked
    reasons = {r["runtime"]: " ".join(r["novelty"]["reasons"]) for r in document["predictions"]}
    assert "gvisor cannot have page_size=1g: left out" in reasons["gvisor"]
    assert "left out" not in reasons["vm"]


def test_a_comparison_leaves_out_the_later_of_two_that_exclude_one_another(predictor):
    asked = {"workload": "web", "mechanisms": {"page_size": "2m", "ksm": "on"}}
    document = compare(predictor, parse_compare(asked))
    reasons = {r["runtime"]: " ".join(r["novelty"]["reasons"]) for r in document["predictions"]}
    pair = "cannot have ksm=on with page_size=2m (KSM merges pages of 4 KiB): left out"
    assert f"vm {pair}" in reasons["vm"]
    assert "container cannot have ksm=on: left out" in reasons["container"]
    assert "page_size=2m: left out" in reasons["wasm"]
