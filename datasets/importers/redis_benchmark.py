"""redis-benchmark's CSV (`--csv`, 6.2 or later)."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from datasets.importers.result import Result, number, read_with, refused

_COLUMNS = ("test", "rps")


def read_redis_benchmark(path: Path | str) -> list[Result]:
    """Requests a second, by test."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    if not text.endswith("\n"):
        raise refused("its last line has no end; is it cut off?")
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise refused(f"is not CSV: {error}") from None
    header = rows[0]
    if tuple(header[: len(_COLUMNS)]) != _COLUMNS:
        raise refused("has no header test,rps,...; redis-benchmark 6.2 or later is needed")
    results = []
    for row in rows[1:]:
        if len(row) != len(header):
            raise refused(f"has a row of {len(row)} cells under {len(header)} columns")
        results.append(Result(row[0], "requests", number(row[1], "rps"), "req/s", "database.kv"))
    return results
