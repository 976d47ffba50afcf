"""The protocol that may not move: what is scored, what is left out together."""

from __future__ import annotations

from datasets.measurement import Measurement
from features.scenario import Scenario
from training.protocol import CELL_ROWS, PROTOCOL, group_codes, is_scored, sampled


def row(i, source="s", runtime="vm", resource="cpu", origin="measured"):
    scenario = Scenario(runtime, "cpu.int", cores=1.0 + i)
    return Measurement(f"{source}-{i}", scenario, 0.9, source, origin=origin, resource=resource)


def test_the_protocol_is_loso_v1_with_fifteen_rows_a_cell():
    assert (PROTOCOL, CELL_ROWS) == ("loso-v1", 15)


def test_at_most_fifteen_rows_a_cell_the_same_ones_each_time():
    rows = [row(i) for i in range(40)] + [row(i, runtime="wasm") for i in range(3)]
    kept = sampled(rows)
    assert sum(r.scenario.runtime == "vm" for r in kept) == 15
    assert sum(r.scenario.runtime == "wasm" for r in kept) == 3
    assert kept == sampled(rows)


def test_start_up_and_what_was_not_measured_are_not_scored():
    assert is_scored(row(0))
    assert not is_scored(row(0, resource="startup"))
    assert not is_scored(row(0, origin="reference"))
    assert not is_scored(row(0, origin="synthetic"))


def test_sources_of_one_group_have_one_code():
    rows = [row(0, "a"), row(1, "b"), row(2, "c"), row(3, "a")]
    codes = group_codes(rows, {"a": "g", "b": "g", "c": "c"})
    assert codes[0] == codes[1] == codes[3] != codes[2]
