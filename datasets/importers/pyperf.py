"""pyperf's JSON (`-o`)."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

from datasets.importers.result import Result, json_of, member, number, read_with, refused

_VERSION = "1.0"
_UNITS = {"second": "s", "byte": "B", "integer": "count"}


def read_pyperf(path: Path | str) -> list[Result]:
    """The mean of each benchmark; a process is a repeat, its values are not."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    document = json_of(text)
    version = member(document, "version", str)
    if version != _VERSION:
        raise refused(f"is of pyperf's format {version[:20]}; {_VERSION} is known")
    shared = document.get("metadata")
    benchmarks = member(document, "benchmarks", list)
    return [_result(entry, shared if isinstance(shared, dict) else {}) for entry in benchmarks]


def _result(entry: Any, shared: dict[str, Any]) -> Result:
    own = entry.get("metadata") if isinstance(entry, dict) else None
    said = {**shared, **(own if isinstance(own, dict) else {})}
    name = member(said, "name", str)
    unit = _UNITS.get(str(said.get("unit", "second")))
    if unit is None:
        raise refused(f"unit {str(said['unit'])[:20]!r} is unknown")
    means = []
    for run in member(entry, "runs", list):
        # A run without values only warmed up or calibrated.
        values = run.get("values") if isinstance(run, dict) else None
        if isinstance(values, list) and values:
            means.append(fmean(number(value, "values") for value in values))
    if not means:
        raise refused(f"benchmark {name[:40]!r} has no values")
    setting = {
        key: str(said[key])
        for key in ("python_implementation", "python_version", "inner_loops")
        if key in said
    }
    less = unit != "count"
    return Result(
        name, "mean", fmean(means), unit, "", setting, values=tuple(means), lower_is_better=less
    )
