"""Tables in pieces: no row lost or told twice, and what is no table is named."""

from __future__ import annotations

import csv
import io
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import csvpieces
from features.chunks import pieces, read_chunks
from features.columns import cells_of, read_columns, scenario_kinds
from features.errors import InvalidInput, Problem
from features.scenario import is_empty

KINDS = scenario_kinds()
CELLS = st.sampled_from(["", "web", "a,b", 'said "x"', "two\nlines", "\r\n", " vm ", "nan", "8"])


def rows_of(paths, *, rows, chunk):
    """Every row as (file name, number, cells that are not empty)."""
    found = []
    for piece in pickle.loads(pickle.dumps(pieces(paths, KINDS, rows=rows))):
        for part in read_chunks(piece, KINDS, rows=chunk):
            assert 0 < len(part) <= chunk
            for i, number in enumerate(part.numbers.tolist()):
                cells = {k: v for k, v in cells_of(part.frame, i).items() if not is_empty(v)}
                found.append((part.file.name, number, cells))
    return found


def told(paths, **options):
    with pytest.raises(InvalidInput) as caught:
        [list(read_chunks(piece, KINDS)) for piece in pieces(paths, KINDS, **options)]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def parquet(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


@settings(max_examples=60, deadline=None)
@given(
    table=st.lists(st.tuples(CELLS, CELLS, st.sampled_from(["", "8", "1e3"])), min_size=1),
    blanks=st.sets(st.integers(0, 20)),
    end=st.sampled_from(["\n", "\r\n"]),
    start=st.sampled_from(["", "\ufeff", "\ufeff\n", "\n\n"]),
    ended=st.booleans(),
    rows=st.integers(1, 4),
    chunk=st.integers(1, 5),
    block=st.integers(1, 40),
)
def test_a_csv_in_pieces_is_the_csv(
    tmp_path_factory, table, blanks, end, start, ended, rows, chunk, block
):
    text, expected = io.StringIO(), []
    text.write(start + "runtime,workload,cores" + end)
    for i, row in enumerate(table):
        if i in blanks:
            text.write(end)
        number = text.getvalue().count("\n") + 1
        csv.writer(text, lineterminator=end).writerow(row)
        cells = zip(("runtime", "workload", "cores"), row, strict=True)
        kept = {k: float(v) if k == "cores" else v.strip() for k, v in cells if v.strip()}
        expected.append(("t.csv", number, kept))
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    made = text.getvalue()
    path.write_bytes((made if ended else made.removesuffix(end)).encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(csvpieces, "_BLOCK", block)
        assert rows_of([path], rows=rows, chunk=chunk) == expected


@pytest.mark.parametrize(("rows", "chunk", "group"), [(3, 2, 4), (4, 100, 1), (100, 5, 7)])
def test_a_folder_of_parquet_is_its_rows_in_the_order_of_names(tmp_path, rows, chunk, group):
    expected = []
    for name, size in (("b", 9), ("a", 1), ("c", 0), ("d", 12)):
        cores = np.arange(size) + 1.0
        cores[1::3] = np.nan
        columns = {"runtime": ["vm"] * size, "cores": cores}
        parquet(tmp_path / f"{name}.parquet", columns, row_group_size=group)
        cells = [{"runtime": "vm", **({} if c != c else {"cores": c})} for c in cores]
        expected += [(f"{name}.parquet", i + 1, c) for i, c in enumerate(cells)]
    (tmp_path / "_SUCCESS").touch()
    assert rows_of([tmp_path], rows=rows, chunk=chunk) == sorted(expected, key=lambda r: r[:2])


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["vm", None, "gvisor"]).dictionary_encode(),
        pa.array(["vm", None, "gvisor"], pa.large_string()),
        pa.array(["vm", "", "gvisor"], pa.string_view()),
    ],
    ids=["dictionary", "large", "view"],
)
def test_text_and_numbers_of_any_width_are_read(tmp_path, column):
    columns = {
        "runtime": column,
        "workload": pa.array(["web"] * 3),
        "cores": pa.array([4, None, 8], pa.int16()),
        "memory_gb": pa.array(["16", "", "much"]),
        "calls": pa.nulls(3),
        "nested": pa.array([None, None, "yes"]),
    }
    (piece,) = pieces([parquet(tmp_path / "t.parquet", columns)], KINDS)
    (chunk,) = read_chunks(piece, KINDS)
    found = read_columns(chunk.frame)
    assert found.good.tolist() == [0]
    assert found.table.host["cores"].tolist() == [4.0]
    assert str(chunk.refusal(found.problems)) == (
        f"{piece.file}, row 2: runtime: is required; "
        "row 3, memory_gb: a number is needed, not 'much'"
    )


class TestWhatIsNoTable:
    def test_a_corrupt_file_among_good_ones(self, tmp_path):
        for name in "ab":
            parquet(tmp_path / f"{name}.parquet", {"runtime": ["vm"] * 2000})
        whole = (tmp_path / "b.parquet").read_bytes()
        (tmp_path / "b.parquet").write_bytes(whole[:-20])
        assert told([tmp_path]).startswith(f"{tmp_path / 'b.parquet'}: file: is not a Parquet file")

    def test_a_file_whose_pages_are_damaged(self, tmp_path):
        path = parquet(tmp_path / "a.parquet", {"cores": np.random.default_rng(0).random(4000)})
        data = bytearray(path.read_bytes())
        data[4:400] = b"\xff" * 396
        path.write_bytes(data)
        assert told([path]).startswith(f"{path}: file: is not a Parquet file that can be read: ")

    def test_a_column_that_is_no_word(self, tmp_path):
        path = parquet(tmp_path / "a.parquet", {"runtme": ["vm"]})
        assert "unknown column 'runtme'; did you mean runtime?" in told([path])

    def test_a_column_that_is_missing_or_holds_no_cells(self, tmp_path):
        path = parquet(tmp_path / "a.parquet", {"cores": [[1.0]]})
        said = told([path], required=["runtime"])
        assert "'runtime' is required and missing" in said
        assert "cores: is a column of list<" in said

    def test_a_file_of_other_columns(self, tmp_path):
        parquet(tmp_path / "a.parquet", {"runtime": ["vm"], "cores": [1]})
        parquet(tmp_path / "b.parquet", {"runtime": ["vm"], "cores": [1.5]})
        parquet(tmp_path / "c.parquet", {"runtime": ["vm"], "cores": ["1"]})
        said = told([tmp_path])
        assert said.startswith(f"{tmp_path / 'c.parquet'}: columns: differ from those of")
        assert said.endswith("'cores' holds text, not numbers")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (b"", "is empty; a header"),
            (b"runtime,cores\n", "has no rows"),
            (b"runtime,cores\nvm,1\n\nvm,2,3\n", ", row 4: row: has 3 cells, the header 2"),
            (b'runtime,cores\nvm,1\n"vm,2\nvm,3\n', ", row 3: file: is not well-formed CSV"),
            (b"runtime,cores\nv\xffm,1\n", "is not a CSV in UTF-8"),
            (b"runtime;cores\nvm;1\n", "unknown column 'runtime;cores'"),
        ],
    )
    def test_a_csv_that_is_none(self, tmp_path, text, said):
        path = tmp_path / "a.csv"
        path.write_bytes(text)
        assert said in told([path])

    def test_what_is_not_there(self, tmp_path):
        assert "No such file" in told([tmp_path / "none.parquet"])
        assert "holds no Parquet or CSV file" in told([tmp_path])


def test_a_refusal_is_the_same_in_another_process():
    error = InvalidInput([Problem("cores", "is wrong")], "a.parquet, row 7")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.problems, again.where) == (str(error), error.problems, error.where)
