"""The files of a table, by their names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from features.errors import InvalidInput, Problem
from features.files import shown

PARQUET, CSV = ".parquet", ".csv"


def is_bulk(path: Path) -> bool:
    """Whether a path names a table that is read in pieces alone: a folder or Parquet."""
    return path.is_dir() or path.suffix.lower() == PARQUET


def facts_of(files: Iterable[Path]) -> list[tuple[str, int, int]]:
    """What tells files from what they were: where each is, its size and when it was changed."""
    found = ((file, file.stat()) for file in files)
    return [(str(file.resolve()), told.st_size, told.st_mtime_ns) for file, told in found]


def table_files(path: Path, option: str = "input") -> list[Path]:
    """The files of a table, by name. Raises InvalidInput where there is none."""
    if not path.exists():
        raise InvalidInput([Problem(option, f"{shown(path)}: No such file or directory")])
    if not path.is_dir():
        return [path]
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in (PARQUET, CSV)
        and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    )
    if not found:
        raise InvalidInput([Problem(option, f"{shown(path)} holds no Parquet or CSV file")])
    return found
