"""Flat records, from flags or from a CSV's rows, as questions: one column for each word."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

from features.errors import InvalidInput, Problem, unknown_name
from features.files import shown, write_whole
from features.native import split_flat
from features.scenario import HOST_FIELDS, scenario_from_flat
from features.vocabulary import vocabulary
from serving.questions import OPTIONS, Comparison, Question, ask, ask_all, collect

T = TypeVar("T")

MAX_PROBLEMS = 20


def question_from_flat(record: Mapping[str, Any]) -> Question:
    """A question from one flat record. Raises InvalidInput."""
    problems: list[Problem] = []
    rest, options = split_flat(record, OPTIONS, problems)
    scenario = collect(problems, lambda: scenario_from_flat(rest))
    made = None if scenario is None else collect(problems, lambda: ask(scenario.as_dict(), options))
    if made is None or problems:
        raise InvalidInput(problems)
    return made


def comparison_from_flat(
    record: Mapping[str, Any], runtimes: Sequence[str] | None = None
) -> Comparison:
    """A comparison from one flat record without runtime. Raises InvalidInput."""
    problems: list[Problem] = []
    rest, options = split_flat(record, OPTIONS, problems)
    if rest.pop("runtime", None):
        said = "a comparison takes no runtime; name several in runtimes, or none for all"
        problems.append(Problem("runtime", said))
    words = vocabulary()
    mechanisms = {key: str(rest.pop(key)).strip() for key in list(rest) if key in words.mechanisms}
    bare = {**rest, "runtime": "native"}
    scenario = collect(problems, lambda: scenario_from_flat(bare))
    made = None
    if scenario is not None:
        fields = {**scenario.as_dict(), "mechanisms": mechanisms}
        made = collect(problems, lambda: ask_all(fields, options, runtimes))
    if made is None or problems:
        raise InvalidInput(problems)
    return made


def read_rows(
    path: Path,
    make: Callable[[Mapping[str, Any]], T],
    columns: Sequence[str] | None = None,
    option: str = "input",
) -> list[tuple[dict, T]]:
    """Each row of a CSV with what `make` makes of it. A bad row is named by file and row, where
    the header is row 1. `columns` are those it may have, a question's when not given; `option`
    is what named the file. Raises InvalidInput."""
    known = question_columns() if columns is None else columns
    made, problems = [], []
    for number, row in _rows(path, known, option):
        try:
            made.append((row, make(row)))
        except InvalidInput as error:
            problems += [Problem(f"row {number}, {p.field}", p.message) for p in error.problems]
            if len(problems) >= MAX_PROBLEMS:
                break
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS], shown(path))
    return made


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as a CSV, whole or not at all. Raises InvalidInput when it cannot be written."""
    columns = list(dict.fromkeys(key for row in rows for key in row))

    def write(file: TextIO) -> None:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)

    write_whole(path, write)


def _rows(path: Path, known: Sequence[str], option: str) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True, restkey="")
            _check_header(path, [name.strip() for name in reader.fieldnames or ()], known)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            for row in reader:
                if "" in row:
                    said = Problem(f"row {reader.line_num}", "has more cells than the header")
                    raise InvalidInput([said], shown(path))
                yield reader.line_num, {k: (v or "").strip() for k, v in row.items()}
    except OSError as error:
        raise InvalidInput([Problem(option, f"{shown(path)}: {error.strerror}")]) from None
    except (UnicodeDecodeError, csv.Error) as error:
        why = f"{shown(path)} is not a CSV in UTF-8: {error}"
        raise InvalidInput([Problem(option, why)]) from None


def question_columns() -> list[str]:
    """The columns of a table of questions."""
    words = vocabulary()
    return ["runtime", "workload", *HOST_FIELDS, *OPTIONS, *words.mechanisms, *words.demand_fields]


def _check_header(path: Path, header: list[str], known: Sequence[str]) -> None:
    problems = [unknown_name("column", name, known) for name in header if name not in known]
    twice = sorted({name for name in header if header.count(name) > 1})
    problems += [Problem("column", f"{name!r} is there twice") for name in twice]
    if not header:
        problems.append(Problem("header", "is missing: name the columns in the first row"))
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS], shown(path))
