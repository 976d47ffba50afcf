"""What real programs ask of a machine per operation, counted natively: one row, and its table."""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from features.errors import InvalidInput, Problem, unknown_name
from features.vocabulary import vocabulary

# What must be known of every trace, and be above zero.
_POSITIVE = ("operations", "op_us", "wall_us", "working_set_gb", "concurrency", "pipeline_depth")
_TEXT = ("id", "program", "version", "workload", "command", "kernel", "cpu_model", "date", "note")
_OPTIONAL_TEXT = ("note",)


@dataclass(frozen=True)
class Trace:
    """One program at one operating point. Counts and times are per operation.

    op_us is processor time of the program on one core (for a server: its processes only, not the
    load generator) and user_share the part of it outside the kernel; wall_us is elapsed time over
    operations. The call classes are those of a demand profile; `syscalls` is perf's own total,
    the check of their sum. bytes are those that went over the loopback device (server) or through
    read and write calls (command); storage_bytes reached a device; io_ops are requests that the
    program queued to one. A count that could not be made is None, never 0. virtualised: the
    machine was itself a guest, so that times are a guest's and counts are not touched by it.
    """

    id: str
    program: str
    version: str
    workload: str
    command: str
    concurrency: float
    pipeline_depth: float
    payload_bytes: float
    operations: float
    op_us: float
    user_share: float
    wall_us: float
    calls: float
    file_calls: float
    open_calls: float
    socket_calls: float
    forks: float
    syscalls: float | None
    switches: float | None
    faults: float | None
    io_ops: float | None
    packets: float | None
    bytes: float | None
    storage_bytes: float | None
    working_set_gb: float
    kernel: str
    cpu_model: str
    virtualised: bool
    date: str
    note: str = ""

    @property
    def counted_calls(self) -> float:
        """System calls of all classes per operation."""
        return self.calls + self.file_calls + self.open_calls + self.socket_calls


COLUMNS = tuple(f.name for f in fields(Trace))
_MAY_BE_UNKNOWN = tuple(f.name for f in fields(Trace) if f.type == "float | None")


def read_traces(path: Path | str) -> list[Trace]:
    """The traces of a CSV file; raises InvalidInput naming the row and every wrong cell."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        said = f"cannot be read: {error.strerror or 'unknown reason'}"
        raise InvalidInput([Problem("file", said)], str(path)) from None
    return _parsed(text, path.name)


def write_traces(path: Path | str, traces: Iterable[Trace]) -> None:
    """Write the traces as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(getattr(trace, key)) for key in COLUMNS} for trace in traces)
    Path(path).write_text(text.getvalue(), encoding="utf-8")


@cache
def traces() -> Mapping[str, Trace]:
    """The shipped traces by their id."""
    text = (files("datasets") / "tables" / "traces.csv").read_text(encoding="utf-8")
    return {trace.id: trace for trace in _parsed(text, "traces.csv")}


def _parsed(text: str, name: str) -> list[Trace]:
    reader = csv.DictReader(text.splitlines())
    header = tuple(reader.fieldnames or ())
    if header != COLUMNS:
        wrong = sorted(set(header) ^ set(COLUMNS)) or ["order"]
        said = f"must be {', '.join(COLUMNS)}; different: {', '.join(wrong)}"
        raise InvalidInput([Problem("header", said)], f"{name}, row 1")
    found: list[Trace] = []
    seen: set[str] = set()
    for record in reader:
        where = f"{name}, row {reader.line_num}"
        try:
            trace = trace_from_record(record)
        except InvalidInput as error:
            raise error.at(where) from None
        if trace.id in seen:
            raise InvalidInput([Problem("id", f"{trace.id!r} stands twice")], where)
        seen.add(trace.id)
        found.append(trace)
    return found


def trace_from_record(record: Mapping[str, str | None]) -> Trace:
    """A trace from text cells; raises InvalidInput naming every wrong cell."""
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    for key in COLUMNS:
        cell = (record.get(key) or "").strip()
        if key in _TEXT:
            values[key] = cell
            if not cell and key not in _OPTIONAL_TEXT:
                problems.append(Problem(key, "is required and empty"))
        elif key == "virtualised":
            values[key] = cell == "yes"
            if cell not in ("yes", "no"):
                problems.append(Problem(key, f"must be yes or no, not {cell!r}"))
        else:
            values[key] = _number(key, cell, problems)
    words = vocabulary().workloads
    if values["workload"] and values["workload"] not in words:
        problems.append(unknown_name("workload", values["workload"], words))
    try:
        datetime.date.fromisoformat(values["date"])
    except ValueError:
        problems.append(Problem("date", f"must be YYYY-MM-DD, not {values['date']!r}"))
    if not problems and values["user_share"] > 1.0:
        problems.append(Problem("user_share", f"must be 0 to 1, not {values['user_share']:g}"))
    if problems:
        raise InvalidInput(problems)
    return Trace(**values)


def _number(key: str, cell: str, problems: list[Problem]) -> float | None:
    if not cell:
        if key not in _MAY_BE_UNKNOWN:
            problems.append(Problem(key, "is required and empty"))
        return None
    try:
        value = float(cell)
    except ValueError:
        problems.append(Problem(key, f"a number is needed, not {cell[:40]!r}"))
        return None
    if not math.isfinite(value) or value < 0.0 or (key in _POSITIVE and value == 0.0):
        least = "above 0" if key in _POSITIVE else "0 or more"
        problems.append(Problem(key, f"must be {least}, not {cell[:40]}"))
        return None
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        # Four digits say all that a run of seconds knows.
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return str(value)
