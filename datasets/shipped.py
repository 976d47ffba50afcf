"""The tables that come with the package, read once, and the fingerprint of a set of rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from datasets.measurement import Measurement
from datasets.table import read_measurements
from features.scenario import Scenario

# A sweep of `nearmetal measure`, in the schema as it wrote it: nothing of it is curated.
OWN_SWEEP = "nearmetal_2026.csv"


def measured() -> list[Measurement]:
    """The curated measurements of published sources, and our own sweep."""
    return [*_table("measured.csv"), *_table(OWN_SWEEP)]


def digest(rows: Iterable[Measurement]) -> str:
    """A fingerprint of what the rows say; their order does not matter."""
    lines = sorted(_canonical(row) for row in rows)
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()


@cache
def _table(name: str) -> tuple[Measurement, ...]:
    with as_file(files("datasets") / "tables" / name) as path:
        return tuple(read_measurements(path))


def _canonical(row: Measurement) -> str:
    record = {f.name: _plain(getattr(row, f.name)) for f in fields(row)}
    return json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, Scenario):
        return value.as_dict()
    return float(value) if isinstance(value, int) else value
