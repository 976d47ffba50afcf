"""A table goes out and comes back the same; a wrong one is refused with the place and the cure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.measurement import Measurement
from datasets.printed import reference
from datasets.row import measurement_from_record, record_from_measurement
from datasets.shipped import measured
from datasets.table import MAX_BAD_ROWS, read_measurements, write_measurements
from datasets.units import KNOWN_UNITS, canonical_unit
from features.errors import InvalidInput
from features.scenario import Scenario

HEADER = "runtime,workload,retained,source"
GOOD = "gvisor,web.static,0.5,mine"


def write(tmp_path, *lines):
    path = tmp_path / "own.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusal(path):
    with pytest.raises(InvalidInput) as caught:
        read_measurements(path)
    return caught.value


def test_shipped_tables_go_round(tmp_path):
    rows = [*measured(), *reference()]
    path = tmp_path / "all.csv"
    write_measurements(path, rows)
    assert read_measurements(path) == rows
    assert list(tmp_path.iterdir()) == [path]


def test_four_columns_are_enough(tmp_path):
    (row,) = read_measurements(write(tmp_path, HEADER, GOOD))
    assert row == Measurement("2", Scenario("gvisor", "web.static"), 0.5, "mine")


def test_blank_lines_and_a_byte_order_mark_do_not_matter(tmp_path):
    path = tmp_path / "own.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{HEADER}\r\n\r\n{GOOD}\r\n".encode())
    assert [row.id for row in read_measurements(path)] == ["3"]


def test_options_of_the_baseline(tmp_path):
    path = write(
        tmp_path,
        HEADER + ",network_path,cores,baseline_runtime,baseline_options",
        GOOD + ",host,8,container,network_path=host; nested=yes",
    )
    (row,) = read_measurements(path)
    assert row.baseline == Scenario(
        "container", "web.static", 8.0, mechanisms={"network_path": "host", "nested": "yes"}
    )


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("retained", "fast", "a number is needed, not 'fast'"),
        ("retained", '"0,95"', "a number is needed"),
        ("retained", "nan", "must be 0.0001 to 20"),
        ("retained", "inf", "must be 0.0001 to 20"),
        ("retained", "0", "must be 0.0001 to 20"),
        ("retained", "-0.5", "must be 0.0001 to 20"),
        ("retained", "95", "must be 0.0001 to 20"),
        ("retained", "", "is required and empty"),
        ("source", "", "is required and empty"),
        ("runtime", "gvizor", "did you mean gvisor"),
        ("workload", "web.statik", "did you mean web.static"),
        ("cores", "-4", "must be 1 to 4096"),
        ("cores", "nan", "must be 1 to 4096"),
        ("cores", "four", "a number is needed"),
        ("network_path", "sr-iov", "gvisor cannot have network_path=sr-iov"),
        ("network_path", "netstak", "did you mean netstack"),
        ("payload_bytes", "-1", "must be 0 to"),
        ("unit", "furlongs", "unknown unit"),
        ("unit", "MBit/sec", "Mbit/s"),
        ("value", "0", "must be above 0"),
        ("spread", "-0.1", "must be 0 to 10"),
        ("repeats", "2.5", "a whole number is needed"),
        ("year", "20", "must be 1960 to 2100"),
        ("origin", "guessed", "unknown origin"),
        ("resource", "gpu", "unknown resource"),
        ("baseline_runtime", "dokcer", "unknown baseline_runtime"),
        ("baseline_options", "nested=yes", "need a baseline_runtime"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, column, cell, said):
    cells = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | {column: cell}
    path = write(tmp_path, ",".join(cells), ",".join(cells.values()))
    error = refusal(path)
    assert error.where == "own.csv, row 2"
    assert column in str(error)
    assert said in str(error)


@pytest.mark.parametrize("options", ["nested", "network_path=dpkd", "colour=blue"])
def test_wrong_options_of_the_baseline_are_named(tmp_path, options):
    path = write(
        tmp_path, HEADER + ",baseline_runtime,baseline_options", f"{GOOD},container,{options}"
    )
    assert "baseline_options" in str(refusal(path))


@pytest.mark.parametrize(
    ("value", "baseline", "fine"), [(50, 100, True), (100, 50, True), (60, 100, False)]
)
def test_retained_agrees_with_the_values_in_either_direction(tmp_path, value, baseline, fine):
    path = write(tmp_path, HEADER + ",value,baseline_value", f"{GOOD},{value},{baseline}")
    if fine:
        assert read_measurements(path)[0].retained == 0.5
    else:
        assert "disagrees with the values" in str(refusal(path))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([""], "is empty"),
        ([HEADER], "has a header but no row"),
        (["runtime,workload,source", "gvisor,web,mine"], "retained: is a required column"),
        ([HEADER + ",network_pth", GOOD + ",host"], "did you mean network_path"),
        ([HEADER + ",retained", GOOD + ",1"], "stands twice in the header"),
        ([HEADER + ",", GOOD + ","], "column without a name"),
        ([HEADER.replace(",", ";"), GOOD.replace(",", ";")], "separated by commas"),
        ([HEADER, GOOD + ",5"], "has 5 cells, the header 4"),
        ([HEADER, 'gvisor,"web.static,0.5,mine'], "not well-formed CSV"),
        ([HEADER, GOOD, GOOD], "repeats row 2"),
        (["id," + HEADER, "a," + GOOD, "a,vm,web,0.9,mine"], "'a' stands already in row 2"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, lines, said):
    error = refusal(write(tmp_path, *lines))
    assert error.where.startswith("own.csv")
    assert said in str(error)


def test_a_file_that_is_not_text_or_not_there(tmp_path):
    path = tmp_path / "own.csv"
    path.write_bytes(f"{HEADER}\n{GOOD}é".encode("latin-1"))
    error = refusal(path)
    assert error.where == "own.csv, row 2"
    assert "not UTF-8" in str(error)
    assert "cannot be read" in str(refusal(tmp_path / "none.csv"))


def test_all_bad_rows_are_told_at_once(tmp_path):
    bad = [f"gvisor,web.static,{-n},mine" for n in range(1, MAX_BAD_ROWS + 4)]
    error = refusal(write(tmp_path, HEADER, GOOD, *bad))
    assert error.where == "own.csv, row 3"
    assert "row 4, retained" in str(error)
    assert len(error.problems) == MAX_BAD_ROWS + 1
    assert "and 3 more rows are wrong" in str(error)


def test_rows_after_a_quoted_line_break_keep_their_line(tmp_path):
    path = write(
        tmp_path, HEADER + ",detail", GOOD + ',"two\nlines"', "gvisor,web.static,zero,mine,"
    )
    assert refusal(path).where == "own.csv, row 4"


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = write(tmp_path, HEADER, GOOD)
    monkeypatch.setattr("features.files.os.replace", lambda *_: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):  # noqa: PT011
        write_measurements(path, reference())
    assert path.read_text(encoding="utf-8").startswith(HEADER)
    assert list(tmp_path.iterdir()) == [path]


@given(
    retained=st.floats(1e-4, 20.0),
    spread=st.none() | st.floats(0.0, 10.0),
    repeats=st.none() | st.integers(1, 10**6),
    cores=st.none() | st.floats(1.0, 4096.0),
    network=st.sampled_from(["host", "veth", "overlay"]),
    detail=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=20),
)
def test_any_measurement_goes_round(retained, spread, repeats, cores, network, detail):
    row = Measurement(
        id="x",
        scenario=Scenario(
            "container", "web", cores, mechanisms={"network_path": network}, demands={"calls": 3.0}
        ),
        retained=retained,
        source="mine",
        spread=spread,
        repeats=repeats,
        detail=detail,
    )
    assert measurement_from_record(record_from_measurement(row), "y") == row


def test_units_have_one_spelling():
    assert {canonical_unit(unit) for unit in KNOWN_UNITS} == set(KNOWN_UNITS)
    assert canonical_unit("requests/sec") == "req/s"
    assert canonical_unit("Mbits/sec") == "Mbit/s"
    assert canonical_unit("parsec") is None
