"""What a long run has finished, kept beside its output until the output is whole.

A run is known by its inputs, its model and its options: its parts lie in a folder whose name ends
with a digest of these, so that parts of another run are never taken for its own.
"""

from __future__ import annotations

import csv
import glob
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pyarrow.parquet import write_table

from features.arrowcolumns import NUMBERS, kind_of
from features.errors import InvalidInput, Problem
from features.files import put_bytes_in_place, shown, stored, umask, write_whole
from features.tablefiles import CSV, PARQUET, facts_of

# What the parts hold; another form is another run's.
_FORM = "nearmetal-parts-1"
_WRONG_ROWS = ".bad.csv"


@dataclass(frozen=True)
class Parts:
    """The parts of one run, by their numbers. `target` is a file, or a folder of them."""

    target: Path
    folder: Path

    @classmethod
    def of(cls, target: Path, files: Sequence[Path], facts: Mapping[str, Any]) -> Parts:
        """Of a run over files, of which facts (as JSON holds them) are all that it depends on."""
        text = json.dumps([_FORM, facts_of(files), facts], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        # Whoever works on it may be in another folder.
        return cls(target, target.parent.absolute() / f".{target.name}.{digest}.parts")

    def begin(self) -> None:
        """Make room for parts. Raises InvalidInput where there is none."""
        with stored(self.target):
            self.folder.mkdir(exist_ok=True)

    def others(self) -> list[Path]:
        """The parts of other runs with the same output."""
        found = self.folder.parent.glob(f".{glob.escape(self.target.name)}.*.parts")
        return sorted(folder for folder in found if folder != self.folder)

    def path(self, number: int) -> Path:
        """Where a part is once it is finished."""
        return self.folder / f"{number:08d}{PARQUET}"

    def wrong_rows(self, number: int) -> Path:
        """Where the rows are that a part left out; there is no file where it left out none."""
        return self.folder / f"{number:08d}{_WRONG_ROWS}"

    def is_finished(self, number: int, *, whole: bool) -> bool:
        """Whether a part is there; a `whole` one left out no row."""
        return self.path(number).exists() and not (whole and self.wrong_rows(number).exists())

    def write(
        self, number: int, tables: Sequence[pa.Table], wrong: Sequence[Mapping[str, Any]]
    ) -> None:
        """Put a part of several tables in place, and before it the rows that it left out."""
        schema = common([table.schema for table in tables])
        table = pa.concat_tables([as_in(schema, table) for table in tables])
        with stored(self.target):
            self.wrong_rows(number).unlink(missing_ok=True)
            if wrong:
                _write_rows(self.wrong_rows(number), wrong)
            put_bytes_in_place(self.path(number), lambda file: write_table(table, file))

    def assemble(self, groups: Mapping[str, Sequence[int]]) -> tuple[int, int]:
        """Make the output of finished parts: of a folder the files' names, of a file one name, each
        with the numbers of its parts. The parts are gone then. Returns rows, and rows left out."""
        with stored(self.target):
            numbers = [number for group in groups.values() for number in group]
            wrong = self._assemble_wrong(numbers)
            if self.target.suffix.lower() in (PARQUET, CSV):
                rows = self._write(self.target, numbers)
            else:
                rows = self._write_folder(groups)
        shutil.rmtree(self.folder, ignore_errors=True)
        return rows, wrong

    def _write_folder(self, groups: Mapping[str, Sequence[int]]) -> int:
        made = Path(tempfile.mkdtemp(dir=self.folder))
        made.chmod(0o777 & ~umask())
        rows = 0
        for name, numbers in groups.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            rows += self._write(path, numbers)
        if self.target.is_dir():
            self.target.rmdir()
        made.rename(self.target)
        return rows

    def _write(self, path: Path, numbers: Sequence[int]) -> int:
        files = [self.path(number) for number in numbers]
        schema = common([pq.read_schema(file) for file in files])

        def fill(file: Any) -> None:
            csv_output = path.suffix.lower() == CSV
            kind = pyarrow.csv.CSVWriter if csv_output else pq.ParquetWriter
            with kind(file, schema) as writer:
                for part in files:
                    writer.write_table(as_in(schema, pq.read_table(part)))

        put_bytes_in_place(path, fill)
        return sum(pq.read_metadata(file).num_rows for file in files)

    def _assemble_wrong(self, numbers: Sequence[int]) -> int:
        path = wrong_rows_of(self.target)
        files = [file for number in numbers if (file := self.wrong_rows(number)).exists()]
        if files:
            return _write_rows(path, (row for file in files for row in _read_rows(file)))
        if path.is_file():
            # It would be taken for this run's.
            path.unlink()
        return 0


def wrong_rows_of(target: Path) -> Path:
    """Where the rows are told that an output leaves out."""
    return target.with_name(target.name + _WRONG_ROWS)


def check_target(target: Path, source: Path) -> None:
    """Raises InvalidInput for an output that cannot be written, or that is a part of its input."""
    said = ""
    folder = target.suffix.lower() not in (PARQUET, CSV)
    if not target.parent.is_dir():
        said = "there is no such folder to write into"
    elif source.is_dir() and target.resolve().is_relative_to(source.resolve()):
        said = "is in the input; name another place"
    elif folder and not source.is_dir():
        said = "name a file that ends in .parquet or .csv"
    elif folder and target.exists() and (not target.is_dir() or any(target.iterdir())):
        said = "is there already; name a folder that is not, or an empty one"
    if said:
        raise InvalidInput([Problem("output", f"{shown(target)}: {said}")])


def common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of all, each of a type that holds what it holds in any of them."""
    fields = []
    for name in schemas[0].names:
        types = {schema.field(name).type for schema in schemas}
        types -= {pa.null()} if len(types) > 1 else set()
        (kind,) = types if len(types) == 1 else (_widest(types),)
        fields.append(pa.field(name, kind))
    return pa.schema(fields)


def as_in(schema: pa.Schema, table: pa.Table) -> pa.Table:
    """A table with the columns of a schema, which holds all that it has."""
    return table.select(schema.names).cast(schema)


def _widest(types: set[pa.DataType]) -> pa.DataType:
    return pa.float64() if all(kind_of(kind) == NUMBERS for kind in types) else pa.string()


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows of one table's columns as a CSV. Returns how many there are."""
    count = 0

    def fill(file: TextIO) -> None:
        nonlocal count
        for count, row in enumerate(rows, 1):
            writer = csv.DictWriter(file, row)
            if count == 1:
                writer.writeheader()
            writer.writerow(row)

    write_whole(path, fill)
    return count


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
