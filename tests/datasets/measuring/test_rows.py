"""Rows of a run: the vocabulary's words, what is left out, and that every reader takes them."""

from __future__ import annotations

import pytest

from datasets.measuring.comparison import Compared
from datasets.measuring.conditions import Machine
from datasets.measuring.plan import AGAIN
from datasets.measuring.rows import rows_of
from datasets.measuring.runtimes import runtimes
from datasets.measuring.swept import chosen
from datasets.table import read_measurements, write_measurements
from features.vocabulary import vocabulary

BENCHMARKS = chosen(quick=False, cores=2)
BY_NAME = {b.name: b for b in BENCHMARKS}
RUNTIMES = {runtime.name: runtime for runtime in runtimes()}
ISOLATED = {name for name, runtime in RUNTIMES.items() if runtime.word} - {"native"}
GUEST = Machine(2, 23.5, "A processor", virtualised=True, kernel="Linux 6")
METAL = Machine(64, 512.0, "A processor", virtualised=False, kernel="Linux 6")


def compared(side, name, native_ns=None, ns=None, huge=None, band=0.01):
    # A limited benchmark takes natively what its limit takes.
    native_ns = native_ns or BY_NAME[name].bound_ns or 100.0
    ns = ns or 2 * native_ns
    return Compared(
        side=side,
        benchmark=BY_NAME[name],
        ns=ns,
        native_ns=native_ns,
        retained=native_ns / ns,
        band=band,
        spread=0.02,
        repeats=5,
        outliers=(),
        native_outliers=(),
        huge=huge,
        rounds=(ns,) * 5,
    )


def made(figures, here=GUEST):
    return rows_of(figures, RUNTIMES, {}, here, "rack-7", 2026)


def test_every_benchmark_is_a_workload_with_demands_of_the_vocabulary():
    words = vocabulary()
    for benchmark in BENCHMARKS:
        assert benchmark.workload in (*words.workloads, "own")
        assert set(benchmark.demands) <= set(words.demand_fields)
        assert not benchmark.bare or BY_NAME[benchmark.bare].demands == benchmark.demands


@pytest.mark.parametrize("side", sorted(ISOLATED))
@pytest.mark.parametrize("here", [GUEST, METAL], ids=["guest", "metal"])
def test_every_runtime_with_a_word_makes_a_row_of_every_benchmark(side, here, tmp_path):
    named = [b for b in BENCHMARKS if not (b.huge and RUNTIMES[side].word == "wasm")]
    figures = [compared(side, b.name, huge=1.0) for b in named]
    figures += [compared(AGAIN, b.name, huge=1.0) for b in named]
    rows, left_out = made(figures, here)
    assert not left_out
    assert len(rows) == len(named)
    write_measurements(tmp_path / "mine.csv", rows)
    assert read_measurements(tmp_path / "mine.csv") == rows


def test_a_sweep_is_said_where_the_schema_has_a_word_for_it():
    named = ["mixed-1-core", "mixed-2-cores", "link-stream-64k-1g", "link-stream-64k"]
    named += ["device-read-2000", "tcp-round-16k"]
    rows, left_out = made([compared("runc", name) for name in named])
    assert not left_out
    by = {row.benchmark.rpartition(" ")[2]: row.scenario for row in rows}
    assert [by[name].cores for name in named] == [1, 2, 2, 2, 2, 2]
    assert [by[name].network_gbps for name in named] == [None, None, 1, None, None, None]
    assert [by[name].storage_iops for name in named] == [None] * 4 + [2000, None]
    assert by["tcp-round-16k"].demands["payload_bytes"] == 16384
    shaped, free = by["link-stream-64k-1g"], by["link-stream-64k"]
    assert (shaped.demands["link_bound"], free.demands["link_bound"]) == (1, 0)
    assert shaped.demands["op_us"] == pytest.approx(548.2, rel=0.01)
    # A pair of its own for who has one; the host's stack for who shares it.
    assert shaped.mechanism("network_path") == "veth"
    (shared,), _ = made([compared("bubblewrap", "link-stream-64k")])
    assert shared.scenario.mechanism("network_path") == "host"


@pytest.mark.parametrize(
    ("native", "isolated", "told"),
    [
        (1.9, 2.0, "native is not limited"),
        (0.5, 0.6, "native is not limited"),
        (1.0, 0.2, "faster"),
    ],
)
def test_what_a_limit_does_not_limit_makes_no_row(native, isolated, told):
    for name in ("link-stream-64k-10g", "device-read-16000"):
        bound = BY_NAME[name].bound_ns
        rows, left_out = made([compared("runc", name, native * bound, isolated * bound)])
        assert not rows
        assert told in left_out[0].why


def test_a_guest_says_nested_where_the_runtime_can():
    rows, _ = made([compared("runc", "getppid"), compared("wasmtime", "int-branchy")])
    assert rows[0].scenario.mechanisms["nested"] == "yes"
    assert "nested" not in rows[1].scenario.mechanisms
    assert all("native is not bare metal" in row.detail for row in rows)
    rows, _ = made([compared("runc", "getppid")], METAL)
    assert "nested" not in rows[0].scenario.mechanisms


def test_a_time_keeps_its_unit_and_sets_what_one_operation_takes():
    (row,), _ = made([compared("runc", "startup", native_ns=2e6, ns=40e6)])
    assert (row.value, row.baseline_value, row.unit) == (40.0, 2.0, "ms")
    assert row.retained == 0.05
    assert row.scenario.demands["op_us"] == 2000.0
    assert row.resource == "startup"


def test_huge_pages_are_compared_with_the_usual_ones_and_left_out_where_unknown():
    usual = compared("runc", "chase-64m", native_ns=150.0, ns=151.0)
    again = compared(AGAIN, "chase-64m-2m", huge=1.0)
    huge = compared("runc", "chase-64m-2m", native_ns=120.0, ns=125.0, huge=1.0)
    rows, left_out = made([usual, again, huge])
    assert not left_out
    assert rows[1].retained == 1.2
    assert rows[1].scenario.mechanisms["page_size"] == "2m"
    untold = compared("runsc-ptrace", "chase-64m-2m", huge=None)
    rows, left_out = made([again, untold])
    assert not rows
    assert "2 MiB pages" in left_out[0].why


def test_a_row_of_a_disturbed_native_or_of_no_wire_says_so():
    rows, _ = made(
        [
            compared("runc", "fork", band=0.5),
            compared("runc", "tcp-round"),
            compared("runsc-ptrace", "tcp-round"),
            compared("runc", "pipe"),
        ]
    )
    assert [row.caution for row in rows] == [
        "noisy-baseline",
        "loopback",
        "loopback",
        "guest-native",
    ]
    assert [row.scenario.mechanism("network_path") for row in rows[1:3]] == ["host", "netstack"]


def test_emulation_has_no_word_and_makes_no_row():
    rows, left_out = made([compared("qemu-tcg", "getppid"), compared("qemu-tcg", "pipe")])
    assert not rows
    assert [(m.side, m.benchmark) for m in left_out] == [("qemu-tcg", "all of them")]


def test_no_difference_is_said_with_its_band():
    seen, _ = made([compared("runc", "pipe", ns=150.0)])
    unseen, _ = made([compared("runc", "pipe", ns=100.5)])
    assert "no difference" not in seen[0].detail
    assert "no difference seen (band 1.0%)" in unseen[0].detail


def test_a_ratio_outside_the_tables_range_is_left_out():
    rows, left_out = made([compared("runc", "startup", native_ns=1.0, ns=1e6)])
    assert not rows
    assert "outside the table's range" in left_out[0].why
