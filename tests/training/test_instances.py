"""The card's figures of instances: own units, both sides of a row, each source once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datasets.footprints import Footprint, shipped_footprints
from datasets.measurement import Measurement
from datasets.shipped import measured
from features.scenario import Scenario
from models.instance import estimate
from training.instances import instance_summaries

START = Measurement(
    "1",
    Scenario("gvisor", "startup"),
    0.5,
    "a",
    resource="startup",
    baseline=Scenario("container", "startup"),
    value=0.8,
    baseline_value=0.4,
    unit="s",
    metric="startup_time",
    benchmark="run",
)


def starts(rows):
    found = instance_summaries(rows, [])
    return {runtime: entry["start_ms"] for runtime, entry in found.items()}


def test_a_row_tells_of_both_sides_and_a_baseline_once():
    again = replace(START, id="2", detail="another platform", value=1.0)
    other = replace(START, id="3", source="b", value=1500.0, baseline_value=500.0, unit="ms")
    found = starts([START, again, other])
    assert found["gvisor"]["sources"] == {"a": 900.0, "b": 1500.0}
    assert found["gvisor"]["median"] == 1200.0
    assert found["container"]["sources"] == {"a": 400.0, "b": 500.0}
    assert (found["gvisor"]["rows"], found["container"]["rows"]) == (3, 2)
    assert found["gvisor"]["q10"] <= found["gvisor"]["median"] <= found["gvisor"]["q90"]


def test_many_rows_of_a_source_weigh_as_one():
    many = [replace(START, id=str(i), detail=str(i), value=0.8) for i in range(50)]
    few = replace(START, id="b", source="b", value=8.0)
    assert starts([*many, few])["gvisor"]["q90"] == pytest.approx(8000.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"metric": "init_time"},
        {"unit": "containers/s"},
        {"benchmark": "deploy ten nginx pods"},
        {"resource": "app"},
        {"origin": "reference"},
        {"scenario": Scenario("gvisor", "startup", demands={"concurrency": 50.0})},
    ],
)
def test_what_is_not_the_start_of_one_instance_is_left_out(wrong):
    assert starts([replace(START, **wrong)]) == {}


def test_a_caution_of_the_baseline_leaves_the_rows_own_time():
    assert set(starts([replace(START, caution="timer-resolution")])) == {"gvisor"}
    assert starts([replace(START, caution="unequal-build")]) == {}
    assert set(starts([replace(START, baseline=None)])) == {"gvisor"}


def test_footprints_stand_beside():
    found = instance_summaries([START], [Footprint("f", "c", "gvisor", 30.0, "b", "", 2024)])
    assert found["gvisor"]["memory_mb"] == {
        "sources": {"c": 30.0},
        "q10": 30.0,
        "median": 30.0,
        "q90": 30.0,
        "rows": 1,
    }


def test_the_shipped_figures():
    found = instance_summaries(measured(), shipped_footprints())
    assert len(found["container"]["start_ms"]["sources"]) >= 5
    assert found["kata"]["start_ms"]["median"] > found["container"]["start_ms"]["median"]
    assert found["kata"]["memory_mb"]["median"] > found["microvm"]["memory_mb"]["median"]
    for entry in found.values():
        for summary in entry.values():
            assert 0 < summary["q10"] <= summary["median"] <= summary["q90"]
    assert "native" not in found


def test_an_interval_holds_what_a_source_left_out_measured():
    found = instance_summaries(measured(), shipped_footprints())
    held = []
    for runtime, entry in found.items():
        for quantity, summary in entry.items():
            for source, median in summary["sources"].items():
                others = {k: v for k, v in summary["sources"].items() if k != source}
                card = {**found, runtime: {**entry, quantity: {**summary, "sources": others}}}
                low, high = estimate(runtime, quantity, card, 0.9).interval
                held.append(low <= median <= high)
    assert len(held) >= 25
    assert sum(held) / len(held) >= 0.85
