"""Any CSV, with words for its columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from datasets.importers.result import Result, number, read_with, refused
from datasets.units import KNOWN_UNITS, canonical_unit
from features.errors import InvalidInput, Problem, unknown_name

# What a column can be; job, metric and unit may be left out, and more columns are settings.
KEYS = ("job", "value", "unit", "metric")


def read_csv(path: Path | str, columns: Mapping[str, str], unit: str = "") -> list[Result]:
    """A result per row: `columns` names the column of each key, `unit` that of all where no
    column does. A key that is none of KEYS is a setting that both sides must share.

    Raises InvalidInput for a mapping without a value or a unit, and for what the file lacks.
    """
    problems = []
    if "value" not in columns:
        problems.append(Problem("column", "value=COLUMN is required: which column is the figure?"))
    if "unit" not in columns and not unit:
        problems.append(Problem("unit", "is required, or --column unit=COLUMN"))
    if problems:
        raise InvalidInput(problems)
    return read_with(path, lambda text: _parse(text, columns, unit))


def _parse(text: str, columns: Mapping[str, str], unit: str) -> list[Result]:
    if not text.endswith("\n"):
        raise refused("its last line has no end; is it cut off?")
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise refused(f"is not CSV: {error}") from None
    header = list(rows[0]) if rows else []
    missing = [name for name in columns.values() if name not in header]
    if missing:
        names = [str(name) for name in header if name]
        raise InvalidInput([unknown_name("column", name, names) for name in missing])
    return [_result(row, columns, unit) for row in rows]


def _result(row: Mapping[str, str | None], columns: Mapping[str, str], unit: str) -> Result:
    cells = {key: (row[name] or "").strip() for key, name in columns.items()}
    said = cells.get("unit", unit)
    known = canonical_unit(said)
    if known is None:
        raise InvalidInput([unknown_name("unit", said, KNOWN_UNITS)])
    return Result(
        cells.get("job", "value"),
        cells.get("metric", columns["value"]),
        number(cells["value"], columns["value"]),
        known,
        setting={key: cell for key, cell in cells.items() if key not in KEYS},
    )
