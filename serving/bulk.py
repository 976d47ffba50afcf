"""Scoring a table of any length: pieces to parts, on several cores, and parts to the output."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from features.arrowcolumns import TEXT, kind_of
from features.chunks import Chunk, Piece, pieces, read_chunks
from features.columns import Codes, cells_of, numbers
from features.errors import Problem
from features.files import check_output, shown
from features.scenario import is_empty
from features.tablefiles import PARQUET
from models.bulk import Scorer
from models.executor import executor
from models.predictor import Predictor
from serving.asked import check_defaults, question_kinds, read_asked, with_defaults
from serving.commands import Bulk
from serving.parts import Parts, check_target, wrong_rows_of

ANSWER_COLUMNS = (
    *("retained", "interval_low", "interval_high", "level", "novelty", "extrapolating"),
    *("value", "model_version"),
)


@dataclass(frozen=True)
class Plan:
    """What is to be scored, from where to where; `defaults` are of cells that are empty."""

    source: Path
    target: Path
    pieces: Sequence[Piece]
    defaults: Mapping[str, str]
    skip_bad_rows: bool


@dataclass(frozen=True)
class Task:
    """What every piece is scored with, where its part goes, and whether parts have values."""

    scorer: Scorer
    parts: Parts
    defaults: Mapping[str, str]
    skip_bad_rows: bool
    valued: bool


@dataclass(frozen=True)
class Outcome:
    """rows scored, of which `kept` had been before this run; rows left out; seconds."""

    rows: int
    kept: int
    skipped: int
    seconds: float


def make_plan(
    source: Path, target: Path, defaults: Mapping[str, str], *, skip_bad_rows: bool = False
) -> Plan:
    """Look at every file of the input. Raises InvalidInput."""
    check_target(target, source)
    if not source.is_dir():
        check_output(target, source=source)
    check_defaults(defaults)
    required = [key for key in ("runtime",) if key not in defaults]
    found = pieces([source], question_kinds(), required=required)
    return Plan(source, target, found, defaults, skip_bad_rows)


def run_plan(
    plan: Plan,
    predictor: Predictor,
    how: Bulk,
    *,
    note: Callable[[str], object] = lambda said: print(said, file=sys.stderr),
) -> Outcome:
    """Score what is planned and write it, going on from where a run of the same stopped.

    The output is there whole or not at all; what is finished meanwhile is kept beside it. `note`
    is told what a person should know. Raises InvalidInput for a row that is wrong, unless such are
    skipped, and where there is no room; WorkersLost as an executor does.
    """
    start = time.monotonic()
    files = list(dict.fromkeys(piece.file for piece in plan.pieces))
    parts = Parts.of(plan.target, files, _facts(plan, predictor, files))
    for other in parts.others():
        note(f"{shown(other)} is of another input, model or options: not used")
    parts.begin()
    # Workers of a cluster are in folders of their own; others tell the path as it was given.
    far = how.scheduler is not None
    left = [
        (number, replace(piece, file=piece.file.absolute()) if far else piece)
        for number, piece in enumerate(plan.pieces)
        if not parts.is_finished(number, whole=not plan.skip_bad_rows)
    ]
    total = sum(piece.rows for piece in plan.pieces)
    kept = total - sum(piece.rows for _, piece in left)
    if kept:
        note(f"going on: {kept:,} of {total:,} rows are scored already")
    valued = "native_value" in plan.defaults or _has_values(plan.pieces[0])
    task = Task(Scorer(predictor), parts, plan.defaults, plan.skip_bad_rows, valued)
    done = 0
    try:
        # Processes take a second to start, which one piece is not worth.
        jobs = 1 if len(left) < 2 and how.scheduler is None else how.jobs
        with executor(how.scheduler, jobs) as run, how.progress("scoring", len(left)) as step:
            for rows in run.map(score_piece, left, shared=task):
                done += rows
                step(f"{done / (time.monotonic() - start):,.0f} rows/s")
    except KeyboardInterrupt:
        note(f"{kept + done:,} of {total:,} rows are kept: the same command goes on from there")
        raise
    finally:
        # A folder without parts is of no use to anyone.
        with suppress(OSError):
            parts.folder.rmdir()
    rows, skipped = parts.assemble(_groups(plan))
    return Outcome(rows, kept, skipped, time.monotonic() - start)


def score_piece(task: Task, item: tuple[int, Piece]) -> int:
    """Score one piece of a table (with its number) and put its part in place. Returns its rows."""
    number, piece = item
    tables, wrong = [], []
    for chunk in read_chunks(piece, question_kinds()):
        made, skipped = _score(task, chunk)
        tables.append(made)
        wrong += skipped
    task.parts.write(number, tables, wrong)
    return piece.rows


def _score(task: Task, chunk: Chunk) -> tuple[pa.Table, list[dict[str, Any]]]:
    """The good rows of a chunk with their answers, and the others with what is wrong."""
    asked = read_asked(with_defaults(chunk.frame, task.defaults, len(chunk)))
    if asked.problems and not task.skip_bad_rows:
        raise chunk.refusal(asked.problems)
    scores = task.scorer.score(asked.columns, asked.level)
    columns: dict[str, Any] = {
        name: _as_read(chunk, name, asked.good) for name in chunk.table.column_names
    }
    answers = (scores.retained, scores.low, scores.high, asked.level, scores.novelty)
    columns |= {name: pa.array(v) for name, v in zip(ANSWER_COLUMNS, answers, strict=False)}
    columns["extrapolating"] = pa.array(scores.extrapolating)
    if task.valued:
        columns["value"] = pa.array(asked.values(scores.retained), from_pandas=True)
    version = task.scorer.predictor.version
    columns["model_version"] = pa.array([version] * len(asked.good), pa.string())
    return pa.table(columns), _told(chunk, asked.problems)


def _as_read(chunk: Chunk, name: str, rows: Codes) -> pa.ChunkedArray | pa.Array:
    """Good rows of a column of the input; numbers that were written as text are numbers again."""
    column = chunk.table.column(name)
    if kind_of(column.type) == TEXT and question_kinds()[name]:
        read = chunk.frame[name]
        return pa.array(numbers(read)[0][rows], from_pandas=True)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.take(pa.array(rows))


def _told(chunk: Chunk, problems: Sequence[tuple[int, Problem]]) -> list[dict[str, Any]]:
    """The wrong rows of a chunk: their place, what is wrong, and their cells."""
    said: dict[int, list[str]] = {}
    for row, problem in problems:
        said.setdefault(row, []).append(f"{problem.field}: {problem.message}")
    return [
        {
            "file": shown(chunk.file),
            "row": int(chunk.numbers[row]),
            "problem": "; ".join(told),
            **{k: "" if is_empty(v) else v for k, v in cells_of(chunk.frame, row).items()},
        }
        for row, told in said.items()
    ]


def _facts(plan: Plan, predictor: Predictor, files: Sequence[Path]) -> dict[str, Any]:
    """All that the answers depend on beside the files' sizes and times."""
    learned = hashlib.sha256(predictor.learned.tobytes()).hexdigest()
    return {
        "model": [predictor.version, predictor.trained_at, learned],
        "defaults": dict(plan.defaults),
        "pieces": [[str(p.file.resolve()), p.start, p.rows] for p in plan.pieces],
        "columns": [_columns(file) for file in files],
    }


def _columns(file: Path) -> list[str]:
    if file.suffix.lower() != PARQUET:
        return []
    return [f"{field.name}: {field.type}" for field in pq.read_schema(file)]


def _has_values(piece: Piece) -> bool:
    return "native_value" in (piece.header or pq.read_schema(piece.file).names)


def _groups(plan: Plan) -> dict[str, list[int]]:
    """The files of an output folder, named as those of the input, and their parts."""
    groups: dict[str, list[int]] = {}
    for number, piece in enumerate(plan.pieces):
        below = piece.file.relative_to(plan.source) if plan.source.is_dir() else piece.file
        name = str(below) if below.suffix == PARQUET else f"{below}{PARQUET}"
        groups.setdefault(name, []).append(number)
    return groups


def summary(plan: Plan, outcome: Outcome) -> str:
    """What was done, on one line."""
    rate = (outcome.rows + outcome.skipped - outcome.kept) / max(outcome.seconds, 1e-9)
    said = f"{outcome.rows:,} rows in {shown(plan.target)} ({rate:,.0f} rows/s)"
    if outcome.skipped:
        rows = "bad row" if outcome.skipped == 1 else "bad rows"
        said += f"; {outcome.skipped:,} {rows} in {shown(wrong_rows_of(plan.target))}"
    return said
