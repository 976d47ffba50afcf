"""Measurements read as columns are the same measurements, and the same rows are refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.columns import measurement_kinds, read_measured
from datasets.measurement import ORIGINS
from datasets.printed import reference
from datasets.row import (
    REQUIRED_COLUMNS,
    all_columns,
    measurement_from_record,
    record_from_measurement,
)
from datasets.shipped import measured
from datasets.table import write_measurements
from features.chunks import pieces, read_chunks
from features.columns import Coded
from features.encoder import encode, encoding_of
from features.errors import InvalidInput
from features.integration import expected_prior
from features.scenario import RESOURCE_CLASSES

ROWS = [*measured(), *reference()]
CELLS = ["", "", "0", "-1", "nan", "inf", "0.5", "1.5", "3", "2100", "1e9", "much"]
WORDS = ["gvisor", "native", "container", "web", "page_size=2m", "nested=yes;x", "IOPS", "tps"]


def encoded(table):
    prior = expected_prior(table)
    return encoding_of(table, prior, prior)


def assert_same(found, rows):
    """The arrays are what the rows say."""
    np.testing.assert_array_equal(found.retained, [r.retained for r in rows])
    assert [found.source.cell(i) for i in range(len(found))] == [r.source for r in rows]
    unknown = [(np.nan if v is None else v) for r in rows for v in (r.spread, r.repeats)]
    np.testing.assert_array_equal(np.stack([found.spread, found.repeats], 1).ravel(), unknown)
    assert [ORIGINS[code] for code in found.origin] == [r.origin for r in rows]
    assert [RESOURCE_CLASSES[code] for code in found.resource] == [r.resource for r in rows]
    assert found.cautioned.tolist() == [bool(r.caution) for r in rows]
    close = {"rtol": 1e-12, "atol": 1e-12}
    if rows:
        expected = encode([r.scenario for r in rows])[0]
        np.testing.assert_allclose(encoded(found.table), expected, **close)
    held = [i for i, r in enumerate(rows) if r.baseline is not None]
    assert found.baseline.tolist() == held
    if held:
        expected = encode([rows[i].baseline for i in held])[0]
        np.testing.assert_allclose(encoded(found.baselines), expected, **close)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_shipped_tables_are_the_same_in_columns(tmp_path, kind):
    write_measurements(tmp_path / "all.csv", ROWS)
    if kind == "parquet":
        pq.write_table(pyarrow.csv.read_csv(tmp_path / "all.csv"), tmp_path / "all.parquet")
    kinds, seen = measurement_kinds(), 0
    for piece in pieces([tmp_path / f"all.{kind}"], kinds, required=REQUIRED_COLUMNS, rows=700):
        for chunk in read_chunks(piece, kinds, rows=500):
            found = read_measured(chunk.frame)
            assert not found.problems
            assert_same(found, ROWS[seen : seen + len(chunk)])
            seen += len(chunk)
    assert seen == len(ROWS)


@st.composite
def records(draw):
    record = record_from_measurement(draw(st.sampled_from(ROWS)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2]))):
        key = draw(st.sampled_from([*record, *all_columns()]))
        record[key] = draw(st.sampled_from([*CELLS, *WORDS, *ORIGINS, *RESOURCE_CLASSES]))
    return record


@settings(max_examples=60, deadline=None)
@given(st.lists(records(), min_size=1, max_size=6), st.booleans())
def test_the_same_rows_are_refused_in_the_same_words(table, as_objects):
    frame = {}
    for key in {key: None for record in table for key in record}:
        column = [record.get(key, "") for record in table]
        coded = Coded(np.arange(len(table)), column)
        frame[key] = np.array(column, dtype=object) if as_objects else coded
    good, problems = [], []
    for row, record in enumerate(table):
        try:
            good.append(measurement_from_record(record, ""))
        except InvalidInput as error:
            problems += [(row, problem) for problem in error.problems]
    found = read_measured(frame)
    assert list(found.problems) == problems
    assert_same(found, good)


def test_a_wrong_row_is_told_with_its_file_and_number(tmp_path):
    columns = {
        "runtime": ["vm", "gvisor", "vm"],
        "workload": ["web"] * 3,
        "retained": [0.9, 0.4, 30.0],
        "source": ["mine", None, "mine"],
    }
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table(columns), path)
    (piece,) = pieces([path], measurement_kinds(), required=REQUIRED_COLUMNS)
    (chunk,) = read_chunks(piece, measurement_kinds())
    found = read_measured(chunk.frame)
    assert found.good.tolist() == [0]
    assert str(chunk.refusal(found.problems)) == (
        f"{path}, row 2: source: is required and empty; "
        "row 3, retained: must be 0.0001 to 20, not 30"
    )
