"""Measured medians: each source once, clean rows against bare metal only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datasets.measurement import Measurement
from features.scenario import Scenario
from training.summary import measured_medians


def test_each_source_counts_once_and_options_have_medians_of_their_own():
    plain = Measurement("1", Scenario("vm", "cpu.int"), 0.9, "a")
    pinned = Scenario("vm", "cpu.int", mechanisms={"pinning": "on"})
    rows = [
        plain,
        *(replace(plain, id=f"a{i}", retained=0.8) for i in range(2)),
        Measurement("2", pinned, 1.0, "b"),
        replace(plain, id="3", caution="overload", retained=0.1),
        replace(plain, id="4", baseline=Scenario("container", "cpu.int"), retained=0.1),
        replace(plain, id="5", origin="reference", retained=0.1),
    ]
    found = measured_medians(rows)
    assert found["vm cpu.int"] == {"median": pytest.approx(0.8), "sources": 1, "rows": 3}
    assert found["vm cpu.int pinning=on"] == {"median": 1.0, "sources": 1, "rows": 1}


def test_a_preset_told_is_the_runtime_as_it_is_and_an_option_is_not():
    def told(value):
        return Scenario("wasm", "cpu.int", mechanisms={"code_generation": value})

    rows = [
        Measurement("1", told("optimising"), 0.6, "a"),
        Measurement("2", told("interpreter"), 0.05, "b"),
    ]
    found = measured_medians(rows)
    assert found["wasm cpu.int"]["median"] == 0.6
    assert found["wasm cpu.int code_generation=interpreter"]["median"] == 0.05
