"""Measurements as CSV: one row per measurement, in and out. Parquet is read as well.

Mechanisms and demands are columns named by their key. `runtime`, `workload`, `retained` and
`source` must be there; everything else may be left out. A row that is wrong is refused with the
line of the file it stands on, what is wrong and what would be right, and up to `MAX_BAD_ROWS`
wrong rows are told at once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from datasets.columns import measurement_kinds, record_at
from datasets.measurement import Measurement
from datasets.row import (
    FRONT_COLUMNS,
    REAR_COLUMNS,
    REQUIRED_COLUMNS,
    all_columns,
    duplicate_key,
    measurement_from_record,
    record_from_measurement,
)
from features.chunks import pieces, read_chunks
from features.errors import InvalidInput, Problem, unknown_name
from features.files import put_in_place
from features.tablefiles import is_bulk
from features.vocabulary import vocabulary

MAX_BAD_ROWS = 20


def read_measurements(path: Path | str) -> list[Measurement]:
    """The measurements of a CSV or Parquet file, or of a folder of such.

    Raises InvalidInput whose `where` is "FILE, row N" of the first wrong row; the problems of
    further wrong rows name their own row.
    """
    path = Path(path)
    if is_bulk(path):
        return _read_pieces(path)
    lines = _lines(path)
    try:
        header = [cell.strip() for cell in next(lines)[1]]
    except StopIteration:
        raise InvalidInput(
            [Problem("file", "is empty; a header and at least one row are needed")], path.name
        ) from None
    _check_header(header, path.name)

    rows: list[Measurement] = []
    bad: list[tuple[int, tuple[Problem, ...]]] = []
    seen: dict[object, int] = {}
    count = 0
    for number, cells in lines:
        count += 1
        try:
            row = measurement_from_record(_record(header, cells), str(number))
            _check_new(row, number, seen)
            rows.append(row)
        except InvalidInput as error:
            bad.append((number, error.problems))
    if bad:
        raise _all_bad(bad, path.name)
    if not count:
        raise InvalidInput([Problem("file", "has a header but no row")], path.name)
    return rows


def _read_pieces(path: Path) -> list[Measurement]:
    rows: list[Measurement] = []
    seen: dict[object, int] = {}
    for piece in pieces([path], measurement_kinds(), required=REQUIRED_COLUMNS, option="file"):
        for chunk in read_chunks(piece, measurement_kinds()):
            problems: list[tuple[int, Problem]] = []
            for i, number in enumerate(chunk.numbers.tolist()):
                try:
                    made = measurement_from_record(record_at(chunk.frame, i), str(len(rows) + 1))
                    _check_new(made, number, seen)
                    rows.append(made)
                except InvalidInput as error:
                    problems += [(i, problem) for problem in error.problems]
            if problems:
                raise chunk.refusal(problems)
    return rows


def write_measurements(path: Path | str, rows: Iterable[Measurement]) -> None:
    """Write the rows as CSV, with a column for every mechanism and demand that one of them has.

    The file is complete or not there at all: it is written aside and put in place at the end.
    """
    path = Path(path)
    records = [record_from_measurement(row) for row in rows]
    used = set().union(*records) if records else set()
    words = vocabulary()
    options = [key for key in (*words.mechanisms, *words.demand_fields) if key in used]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*FRONT_COLUMNS, *options, *REAR_COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    put_in_place(path, lambda file: file.write(text.getvalue()))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The non-empty rows of a CSV file, each with the line it starts on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InvalidInput([Problem("file", f"cannot be read: {reason}")], str(path)) from None
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InvalidInput(
            [Problem("file", "is not UTF-8; save it as UTF-8 text")], f"{path.name}, row {line}"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(
            [Problem("file", f"is not well-formed CSV: {error}")], f"{path.name}, row {start}"
        ) from None


def _check_header(header: Sequence[str], name: str) -> None:
    known = all_columns()
    problems = []
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        problems.append(Problem("header", "columns are to be separated by commas"))
    else:
        problems += [
            Problem(column, "is a required column and is missing")
            for column in REQUIRED_COLUMNS
            if column not in header
        ]
        for column in dict.fromkeys(header):
            if header.count(column) > 1:
                problems.append(Problem(column or "header", "stands twice in the header"))
            if not column:
                problems.append(Problem("header", "has a column without a name"))
            elif column not in known:
                problems.append(unknown_name("column", column, known))
    if problems:
        raise InvalidInput(problems, f"{name}, row 1")


def _record(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    if len(cells) > len(header):
        raise InvalidInput(
            [Problem("row", f"has {len(cells)} cells, the header {len(header)}; quote commas")]
        )
    return {column: cell.strip() for column, cell in zip(header, cells, strict=False)}


def _check_new(row: Measurement, number: int, seen: dict[object, int]) -> None:
    for key, what in ((("id", row.id), "id"), (duplicate_key(row), "row")):
        first = seen.setdefault(key, number)
        if first != number:
            said = (
                f"{row.id!r} stands already in row {first}; ids are unique"
                if what == "id"
                else f"repeats row {first}: same source, scenario, benchmark, metric and value"
            )
            raise InvalidInput([Problem(what, said)])


def _all_bad(bad: Sequence[tuple[int, tuple[Problem, ...]]], name: str) -> InvalidInput:
    first, problems = bad[0]
    told = list(problems)
    for number, more in bad[1:MAX_BAD_ROWS]:
        told += [Problem(f"row {number}, {p.field}", p.message) for p in more]
    if len(bad) > MAX_BAD_ROWS:
        told.append(Problem("file", f"and {len(bad) - MAX_BAD_ROWS} more rows are wrong"))
    return InvalidInput(told, f"{name}, row {first}")
