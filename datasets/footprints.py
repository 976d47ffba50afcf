"""What one instance of a runtime holds of its host's memory, as published: a table of its own,
because a footprint has no sensible "retained"."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path

from datasets.reading import identity, read_with, rounded, rules_of
from datasets.units import canonical_unit
from features.errors import InvalidInput, Problem
from features.files import put_in_place
from features.vocabulary import vocabulary

METRICS = ("memory_per_container", "memory_overhead", "min_memory")
_MB_OF = {"KB": 1e-3, "KiB": 1024e-6, "MB": 1.0, "MiB": 1.048576, "GB": 1e3, "GiB": 1073.741824}


@dataclass(frozen=True)
class Footprint:
    """Memory of one instance [MB of 10^6 bytes] with what ran in it, and who says so."""

    id: str
    source: str
    runtime: str
    memory_mb: float
    benchmark: str
    detail: str
    year: int


def shipped_footprints() -> list[Footprint]:
    """The curated footprints of published sources."""
    return list(_table())


@cache
def _table() -> tuple[Footprint, ...]:
    text = (files("datasets") / "tables" / "footprints.csv").read_text(encoding="utf-8")
    return tuple(_footprint(record) for record in csv.DictReader(text.splitlines()))


def _footprint(record: Mapping[str, str]) -> Footprint:
    return Footprint(
        record["id"],
        record["source"],
        record["runtime"],
        float(record["memory_mb"]),
        record["benchmark"],
        record["detail"],
        int(record["year"]),
    )


def write_footprints(path: Path, footprints: Iterable[Footprint]) -> None:
    """Write the footprints as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [f.name for f in fields(Footprint)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(footprint) for footprint in footprints)
    put_in_place(path, lambda file: file.write(text.getvalue()))


def collected_footprints(figures: Iterable[Mapping[str, str]]) -> Iterator[Footprint]:
    """The footprints among collected figures, whatever `use` says of them: it speaks of retained.

    A source's rules may `drop` one. Raises InvalidInput for a unit that is no size.
    """
    for raw in figures:
        if raw["metric"] not in METRICS or raw["runtime"] not in vocabulary().runtimes:
            continue
        if "drop" in read_with(rules_of(raw["source_id"]), raw).set:
            continue
        unit = canonical_unit(raw["unit"])
        if unit not in _MB_OF:
            raise InvalidInput([Problem("unit", f"no size of memory: {raw['unit']}")])
        yield Footprint(
            id=identity(raw),
            source=raw["source_id"],
            runtime=raw["runtime"],
            memory_mb=rounded(float(raw["value"]) * _MB_OF[unit]),
            benchmark=raw["benchmark"],
            detail=raw["runtime_detail"],
            year=int(raw["year"]),
        )
