"""hyperfine's JSON (`--export-json`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets.importers.result import Result, figure, json_of, member, number, read_with, refused


def read_hyperfine(path: Path | str) -> list[Result]:
    """The mean time of each command, with its runs."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    return [_result(entry) for entry in member(json_of(text), "results", list)]


def _result(entry: Any) -> Result:
    name = member(entry, "command", str)
    codes = entry.get("exit_codes")
    if isinstance(codes, list) and any(code != 0 for code in codes):
        raise refused(f"{name[:40]!r} failed in some runs; what a failure takes is not the work's")
    times = entry.get("times")
    runs = tuple(number(t, "times") for t in times) if isinstance(times, list) else ()
    given = entry.get("parameters")
    setting = {str(k): str(v) for k, v in given.items()} if isinstance(given, dict) else {}
    return Result(name, "mean time", figure(entry, "mean"), "s", "", setting, values=runs)
