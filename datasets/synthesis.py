"""Synthetic rows written as Parquet: one file, or a folder of parts that is gone on with."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.volume import MOST_ROWS, Law, synthetic_table
from features.constants import constants
from features.errors import InvalidInput, Problem
from features.files import check_output, put_bytes_in_place, shown, stored

# Rows of a chunk, which is a row group or a part: a multiple of the law's block.
CHUNK = 32 * 1024
MOST_SOURCES = 1024
_FILE = ".parquet"
_KEY = b"nearmetal.synthesis"


class Runner(Protocol):
    """Works chunks somewhere and gives their results in order."""

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        shared: Any = None,
        step: Callable[[str], object] | None = None,
    ) -> Iterator[Any]: ...


def check_asked(rows: int, law: Law, output: Path) -> None:
    """Raises InvalidInput for what cannot be made."""
    problems = [
        Problem(key, f"must be {low:,} to {high:,}, not {value:,}")
        for key, value, low, high in (
            ("rows", rows, 1, MOST_ROWS),
            ("seed", law.seed, 0, 2**32 - 1),
            ("sources", law.sources, 0, MOST_SOURCES),
        )
        if not low <= value <= high
    ]
    if problems:
        raise InvalidInput(problems)
    if output.suffix == _FILE or not output.is_dir():
        check_output(output)


def chunks(rows: int) -> list[tuple[int, int]]:
    """First row of each chunk, and the row after its last."""
    return [(first, min(first + CHUNK, rows)) for first in range(0, rows, CHUNK)]


def synthesize(
    rows: int, law: Law, output: Path, run: Runner, step: Callable[[str], object]
) -> list[Path]:
    """Write the first `rows` rows of a law; the files, in order.

    A name that ends in .parquet is a file, written whole or not at all. Any other is a folder, a
    part for each chunk; parts of the same law that are there already are kept.

    Raises InvalidInput where it cannot be written, or for a folder that holds other rows.
    """
    check_asked(rows, law, output)
    spans = chunks(rows)
    if output.suffix == _FILE:
        tables = run.map(synthetic_table, spans, shared=law, step=step)

        def fill(file: Any) -> None:
            _write(file, law, tables)

        with stored(output):
            put_bytes_in_place(output, fill)
        return [output]
    with stored(output):
        output.mkdir(exist_ok=True)
    places = [output / f"part-{number:06d}{_FILE}" for number in range(len(spans))]
    missing = _missing(output, dict(zip(places, spans, strict=True)), law)
    for _ in range(len(spans) - len(missing)):
        step("kept")
    made = run.map(synthetic_table, missing.values(), shared=law, step=step)
    for place, table in zip(missing, made, strict=True):
        with stored(place):
            put_bytes_in_place(place, _writer(law, table))
    return places


def _writer(law: Law, table: pa.Table) -> Callable[[Any], None]:
    return lambda file: _write(file, law, [table])


def _write(file: Any, law: Law, tables: Iterable[pa.Table]) -> None:
    writer = None
    try:
        for table in tables:
            if writer is None:
                schema = table.schema.with_metadata({_KEY: _facts(law)})
                writer = pq.ParquetWriter(file, schema, compression="zstd")
            writer.write_table(table)
    finally:
        # While the file is open, or the writer complains when it is collected.
        if writer is not None:
            writer.close()


def _facts(law: Law) -> bytes:
    """What the rows of a file depend on."""
    facts = {
        "seed": law.seed,
        "sources": law.sources,
        "nearmetal": importlib.metadata.version("nearmetal"),
        "constants": hashlib.sha256(constants().flat.tobytes()).hexdigest()[:12],
    }
    return json.dumps(facts, sort_keys=True).encode()


def _missing(
    folder: Path, wanted: dict[Path, tuple[int, int]], law: Law
) -> dict[Path, tuple[int, int]]:
    """The parts that are not there yet. Raises InvalidInput for a file of other rows."""
    missing = dict(wanted)
    for path in sorted(folder.glob(f"*{_FILE}")):
        said = ""
        if path not in wanted:
            said = "is no part of these rows"
        else:
            try:
                with pq.ParquetFile(path) as file:
                    metadata = file.metadata
            except (OSError, pa.ArrowException) as error:
                said = f"cannot be read ({str(error).splitlines()[0]})"
            else:
                first, end = wanted[path]
                if (metadata.metadata or {}).get(_KEY) != _facts(law):
                    said = "holds rows of another seed, other sources or another nearmetal"
                elif metadata.num_rows == end - first:
                    del missing[path]
        if said:
            told = f"{shown(path)} {said}; name another folder, or remove it"
            raise InvalidInput([Problem("output", told)])
    return missing
