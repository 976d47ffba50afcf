"""Tables of any length, Parquet or CSV, read a few rows at a time.

A table is one file or a folder of them, in the order of their names. It is looked through once
(`pieces`): what is no table, or has other columns, is told before any work. Each piece can then be
read on its own, here or in another process, with memory for a chunk of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.arrowcolumns import NOTHING, column_of, kind_of
from features.columns import Column, Kinds
from features.csvpieces import full_rows, rows_in, split
from features.errors import InvalidInput, Problem, unknown_name
from features.files import shown
from features.tablefiles import PARQUET, table_files

# Rows of a piece, and rows that are read at once.
PIECE = 65536
CHUNK = 8192
MAX_PROBLEMS = 20


@dataclass(frozen=True)
class Piece:
    """Some rows of one file. start: the rows before it; of a CSV its header, the place of its
    bytes, and the line of its first row."""

    file: Path
    start: int
    rows: int
    header: tuple[str, ...] = ()
    offset: int = 0
    length: int = 0
    line: int = 0


@dataclass(frozen=True)
class Chunk:
    """Rows (n) of a file as they were read: frame holds them by column, numbers (n,) is the row
    that each is in its file (of a CSV the line, the header's being 1), table the same in Arrow."""

    file: Path
    numbers: NDArray[np.int64]
    frame: dict[str, Column]
    table: pa.Table

    def __len__(self) -> int:
        return len(self.numbers)

    def refusal(self, problems: Sequence[tuple[int, Problem]]) -> InvalidInput:
        """What is wrong with rows of this chunk, the first of which says where."""
        first = problems[0][0]
        told = []
        for row, problem in problems[:MAX_PROBLEMS]:
            where = "" if row == first else f"row {self.numbers[row]}, "
            told.append(Problem(where + problem.field, problem.message))
        if len(problems) > MAX_PROBLEMS:
            told.append(Problem("file", f"and {len(problems) - MAX_PROBLEMS} more"))
        return InvalidInput(told, f"{shown(self.file)}, row {self.numbers[first]}")


def pieces(
    paths: Sequence[Path],
    kinds: Kinds,
    *,
    required: Sequence[str] = (),
    rows: int = PIECE,
    option: str = "input",
) -> list[Piece]:
    """The pieces of tables, in order; every file is looked at.

    Raises InvalidInput naming the file that cannot be read, has a column that is none of `kinds`,
    lacks one of `required`, or has other columns than the first.
    """
    found: list[Piece] = []
    first: tuple[Path, dict[str, str]] | None = None
    for path in (file for given in paths for file in table_files(Path(given), option)):
        if path.suffix.lower() == PARQUET:
            listed, made = _parquet_pieces(path, rows)
        else:
            listed, made = _csv_pieces(path, rows)
        _check_columns(path, listed, kinds, required)
        columns = dict(listed)
        first = first or (path, columns)
        _check_same(path, columns, *first)
        found += made
    if not found:
        said = ", ".join(shown(Path(path)) for path in paths)
        raise InvalidInput([Problem(option, f"{said} has no rows")])
    return found


def read_chunks(piece: Piece, kinds: Kinds, rows: int = CHUNK) -> Iterator[Chunk]:
    """The rows of a piece, at most so many at once. Raises InvalidInput naming the file."""
    read = _csv_tables(piece, rows) if piece.header else _parquet_tables(piece, rows)
    for numbers, table in read:
        frame = {name: column_of(table.column(name), kinds[name]) for name in table.column_names}
        yield Chunk(piece.file, numbers, frame, table)


def _check_columns(
    path: Path, columns: list[tuple[str, str]], kinds: Kinds, required: Sequence[str]
) -> None:
    names = [name for name, _ in columns]
    problems = [unknown_name("column", name, kinds) for name in names if name not in kinds]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [Problem("column", f"{name!r} is there twice") for name in twice]
    problems += [
        Problem("column", f"{name!r} is required and missing")
        for name in required
        if name not in names
    ]
    problems += [
        Problem(name, f"is a column of {kind[1:]}; numbers or text are needed")
        for name, kind in columns
        if kind.startswith("!") and name in kinds
    ]
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS], shown(path))


def _check_same(path: Path, mine: dict[str, str], first: Path, theirs: dict[str, str]) -> None:
    said = [f"{name!r} is missing" for name in theirs if name not in mine]
    said += [f"{name!r} is new" for name in mine if name not in theirs]
    said += [
        f"{name!r} holds {kind}, not {theirs[name]}"
        for name, kind in mine.items()
        if kind and theirs.get(name) and kind != theirs[name]
    ]
    if said:
        told = f"differ from those of {shown(first)}: {', '.join(said[:5])}"
        raise InvalidInput([Problem("columns", told)], shown(path))


def _unreadable(path: Path, what: str, error: Exception) -> InvalidInput:
    first = (str(error) or type(error).__name__).splitlines()[0][:200]
    return InvalidInput([Problem("file", f"{what}: {first}")], shown(path))


_NO_PARQUET = "is not a Parquet file that can be read"


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, memory_map=True, pre_buffer=False)
    except PermissionError as error:
        raise InvalidInput([Problem("file", error.strerror or "no leave")], shown(path)) from None
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, _NO_PARQUET, error) from None


def _parquet_pieces(path: Path, rows: int) -> tuple[list[tuple[str, str]], list[Piece]]:
    with _parquet(path) as file:
        columns = [(field.name, kind_of(field.type)) for field in file.schema_arrow]
        total = file.metadata.num_rows
    starts = range(0, total, rows)
    return columns, [Piece(path, start, min(rows, total - start)) for start in starts]


def _parquet_tables(piece: Piece, rows: int) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
    end = piece.start + piece.rows
    with _parquet(piece.file) as file:
        edges = np.cumsum([0, *(_group_rows(file, i) for i in range(file.num_row_groups))])
        groups = np.flatnonzero((edges[1:] > piece.start) & (edges[:-1] < end))
        at = int(edges[groups[0]])
        batches = file.iter_batches(rows, row_groups=groups.tolist(), use_threads=False)
        while at < end:
            try:
                batch = next(batches)
            except (OSError, pa.ArrowException) as error:
                raise _unreadable(piece.file, _NO_PARQUET, error) from None
            except StopIteration:
                said = f"ends after {at} rows; {end} were promised"
                raise InvalidInput([Problem("file", said)], shown(piece.file)) from None
            begin, size = max(piece.start - at, 0), batch.num_rows
            kept = batch.slice(begin, min(size, end - at) - begin)
            if kept.num_rows and begin < size:
                numbers = np.arange(at + begin, at + begin + kept.num_rows) + 1
                yield numbers, pa.Table.from_batches([kept])
            at += size


def _group_rows(file: pq.ParquetFile, group: int) -> int:
    return int(file.metadata.row_group(group).num_rows)


def _csv_pieces(path: Path, rows: int) -> tuple[list[tuple[str, str]], list[Piece]]:
    try:
        header, spans = split(path, rows)
    except OSError as error:
        said = error.strerror or "cannot be read"
        raise InvalidInput([Problem("file", said)], shown(path)) from None
    starts = np.cumsum([0, *(span.rows for span in spans)]).tolist()
    made = [
        Piece(path, start, span.rows, tuple(header), span.offset, span.length, span.line)
        for start, span in zip(starts, spans, strict=False)
    ]
    # Its cells are what they are read as.
    return [(name, NOTHING) for name in header], made


def _csv_tables(piece: Piece, rows: int) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
    with piece.file.open("rb") as file:
        file.seek(piece.offset)
        data = file.read(piece.length)
    if not data.endswith(b"\n"):
        data += b"\n"
    spans, before = rows_in(data)
    numbers = (piece.line + before)[full_rows(data, spans)]
    wrong: list[Any] = []

    def refuse(row: Any) -> str:
        wrong.append(row)
        return "error"

    try:
        table = pa.csv.read_csv(
            pa.BufferReader(data),
            pa.csv.ReadOptions(column_names=list(piece.header), use_threads=False),
            pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse),
            pa.csv.ConvertOptions(
                column_types=dict.fromkeys(piece.header, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        if not wrong:
            raise _unreadable(piece.file, "is not a CSV in UTF-8", error) from None
        row, where = wrong[0], shown(piece.file)
        if row.number is not None and row.number <= len(numbers):
            where += f", row {numbers[row.number - 1]}"
        said = f"has {row.actual_columns} cells, the header {row.expected_columns}; quote commas"
        raise InvalidInput([Problem("row", said)], where) from None
    if table.num_rows != len(numbers):
        said = (
            f"has {table.num_rows} rows where {len(numbers)} lines were counted: check its quotes"
        )
        raise InvalidInput([Problem("file", said)], f"{shown(piece.file)}, row {piece.line}")
    for start in range(0, len(numbers), rows):
        yield numbers[start : start + rows], table.slice(start, rows)
