"""The table of traces: every row loads, says what it should, and a wrong one is refused."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from importlib.resources import files

import pytest

from datasets.traces import COLUMNS, read_traces, trace_from_record, traces, write_traces
from features.errors import InvalidInput
from features.vocabulary import vocabulary

TABLE = files("datasets") / "tables" / "traces.csv"


def record(**changes: str) -> dict[str, str]:
    with TABLE.open(encoding="utf-8") as lines:
        return {**next(csv.DictReader(lines)), **changes}


def test_every_shipped_row_loads_and_covers_the_leaves():
    shipped = traces()
    assert len(shipped) >= 25
    assert {t.workload for t in shipped.values()} >= {
        "web.static",
        "web.tls",
        "database.kv",
        "database.sql",
        "database.embedded",
        "hpc.build",
        "hpc.import",
        "hpc.compression",
        "hpc.media",
        "ai.training",
        "ai.inference",
        "big-data",
    }
    assert {t.workload for t in shipped.values()} <= set(vocabulary().workloads)


def test_no_class_exceeds_what_perf_counted_apart():
    """Two instruments on two runs: cheap calls are perf's rest, so that more is a miscount.

    A large body is written in pieces whose number depends on how fast the peer reads: 14 % apart.
    """
    both = [t for t in traces().values() if t.syscalls is not None]
    assert len(both) >= 25
    for trace in both:
        assert trace.counted_calls == pytest.approx(trace.syscalls, rel=0.2, abs=0.01), trace.id


def test_no_machine_is_named():
    text = TABLE.read_text(encoding="utf-8")
    assert "/tmp/" not in text
    assert "/root" not in text
    assert "/home" not in text


def test_a_table_survives_writing_and_reading(tmp_path):
    path = tmp_path / "traces.csv"
    write_traces(path, traces().values())
    assert read_traces(path) == list(traces().values())
    one = replace(next(iter(traces().values())), switches=None, packets=0.0)
    write_traces(path, [one])
    assert read_traces(path) == [one]  # unknown stays unknown, zero stays zero


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workload": "web.statik"}, "did you mean web.static"),
        ({"op_us": "0"}, "op_us: must be above 0"),
        ({"calls": "-1"}, "calls: must be 0 or more"),
        ({"calls": ""}, "calls: is required and empty"),
        ({"faults": "nan"}, "faults: must be 0 or more"),
        ({"faults": "many"}, "faults: a number is needed"),
        ({"user_share": "1.5"}, "user_share: must be 0 to 1"),
        ({"virtualised": "perhaps"}, "virtualised: must be yes or no"),
        ({"date": "yesterday"}, "date: must be YYYY-MM-DD"),
        ({"version": ""}, "version: is required"),
    ],
)
def test_a_wrong_cell_is_named_with_what_would_be_right(changes, said):
    with pytest.raises(InvalidInput, match=said):
        trace_from_record(record(**changes))


def test_a_wrong_file_is_told_with_its_row(tmp_path):
    path = tmp_path / "traces.csv"
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_traces(path)
    path.write_text("id,program\nx,y\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="row 1: header: must be id, program"):
        read_traces(path)
    with path.open("w", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows([record(), record()])
    with pytest.raises(InvalidInput, match="row 3: id: .* stands twice"):
        read_traces(path)


@pytest.mark.parametrize(
    "workload",
    [w for w in vocabulary().workloads.values() if w.kind == "traced"],
    ids=lambda w: w.name,
)
def test_a_traced_profile_says_what_its_trace_counted(workload):
    named = re.findall(r"\w+(?:-\w+)+", workload.source)
    rows = [traces()[word] for word in named if word in traces()]
    assert rows
    assert {row.workload for row in rows} == {workload.name}
    assert rows[0].version in workload.source
    if len(rows) > 1:  # a mix of operations: its counts lie between theirs or are amortised
        return
    for key in ("calls", "file_calls", "open_calls", "socket_calls", "switches", "faults"):
        expected = pytest.approx(getattr(rows[0], key), rel=0.02, abs=0.005)
        assert workload.demands[key] == expected, key


def test_where_the_disk_is_waited_for_that_time_is_storage():
    select, batch = traces()["sqlite-select"], traces()["sqlite-batch"]
    wall = (select.wall_us + batch.wall_us / 100) / 2  # a statement, half of them in a batch of 100
    processor = (select.op_us + batch.op_us / 100) / 2
    demands = vocabulary().workloads["database.embedded"].demands
    assert demands["op_us"] == pytest.approx(wall, rel=0.02)
    assert demands["storage"] == pytest.approx(1 - processor / wall, rel=0.02)
