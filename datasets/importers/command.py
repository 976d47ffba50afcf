"""What `nearmetal import` does behind its flags: read both sides, pair, write, tell."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.importers.formats import CSV, FORMATS
from datasets.importers.mapped import KEYS, read_csv
from datasets.importers.pairing import Context, rows_of
from datasets.importers.result import Result
from datasets.measurement import Measurement
from datasets.row import record_from_measurement
from datasets.table import write_measurements
from features.errors import InvalidInput, Problem, unknown_name
from features.files import check_output, stored
from features.flags import options_of
from features.vocabulary import vocabulary

_SOURCE_LENGTH = 60
# Isolation that is so much faster than none has left something out: a cache answers, say.
_SUSPECT = 1.2


@dataclass(frozen=True)
class Asked:
    """The command's words: files of each side, the scenario's flags, and the CSV's columns."""

    tool: str
    native: Sequence[Path]
    isolated: Sequence[Path]
    scenario: Mapping[str, str | None]
    workload: str | None = None
    options: Sequence[str] = ()
    jobs: Sequence[str] = ()
    source: str = "own"
    columns: Sequence[str] = ()
    unit: str | None = None


def run_import(asked: Asked, output: Path, as_json: bool) -> None:
    """Write the rows and say what was written. Raises InvalidInput and then writes nothing."""
    check_output(output)
    files = [*asked.native, *asked.isolated]
    if output.exists() and any(f.exists() and f.samefile(output) for f in files):
        raise InvalidInput([Problem("output", f"{output}: is one of the inputs")])
    rows, left = imported(asked)
    with stored(output):
        write_measurements(output, rows)
    if as_json:
        records = [record_from_measurement(row) for row in rows]
        print(json.dumps({"output": str(output), "rows": records, "unpaired": left}))
    else:
        _show(rows, left, asked, output)


def imported(asked: Asked) -> tuple[list[Measurement], list[str]]:
    """The rows of what was asked, and what only one side ran. Raises InvalidInput."""
    problems = [Problem(key, "is empty") for key, value in asked.scenario.items() if value == ""]
    workloads = vocabulary().workloads
    if not asked.scenario.get("runtime"):
        problems.append(Problem("runtime", "is required: what the second file ran under"))
    elif asked.scenario["runtime"] == "native":
        problems.append(Problem("runtime", "is that of the isolated side, not native"))
    if asked.workload is not None and asked.workload not in workloads:
        problems.append(unknown_name("workload", asked.workload, workloads))
    if not asked.source.isprintable() or not 0 < len(asked.source) <= _SOURCE_LENGTH:
        problems.append(Problem("source", f"is 1 to {_SOURCE_LENGTH} printable characters"))
    if asked.tool not in (*FORMATS, CSV):
        problems.append(unknown_name("tool", asked.tool, (*FORMATS, CSV)))
    elif asked.tool != CSV and (asked.columns or asked.unit):
        problems.append(Problem("column", "and --unit are for csv"))
    if problems:
        raise InvalidInput(problems)
    read = _reader(asked)
    sides = [[r for path in paths for r in read(path)] for paths in (asked.native, asked.isolated)]
    given = {key: value for key, value in asked.scenario.items() if value}
    context = Context(
        asked.tool,
        {**given, **options_of(asked.options)},
        asked.workload or "",
        asked.source,
        asked.jobs,
        asked.tool in FORMATS and FORMATS[asked.tool].alone,
    )
    return rows_of(sides[0], sides[1], context)


def _reader(asked: Asked) -> Callable[[Path], list[Result]]:
    if asked.tool != CSV:
        return FORMATS[asked.tool].read
    columns = {}
    for pair in asked.columns:
        key, equals, name = (part.strip() for part in pair.partition("="))
        if not (key and equals and name):
            said = f"KEY=COLUMN is needed, not {pair[:60]!r}; keys are {', '.join(KEYS)}"
            raise InvalidInput([Problem("column", said)])
        columns[key] = name
    return lambda path: read_csv(path, columns, asked.unit or "")


def show_formats(as_json: bool) -> None:
    """The formats, and which of them are experimental."""
    if as_json:
        print(json.dumps([*map(_format, FORMATS), {"tool": CSV, "experimental": False}]))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("tool", show_header=True)
    for name in ("output", "unit", "workload", ""):
        table.add_column(name, overflow="fold")
    for each in FORMATS.values():
        mark = "experimental" if each.experimental else ""
        table.add_row(each.tool, each.output, each.unit, each.workload, mark)
    table.add_row(CSV, "--column value=COLUMN", "--unit or a column", "-", "")
    Console().print(table)
    print("workload -: named with --workload; experimental: never tried on a genuine file")


def _format(tool: str) -> dict[str, Any]:
    each = FORMATS[tool]
    return {
        "tool": tool,
        "output": each.output,
        "unit": each.unit,
        "workload": each.workload,
        "experimental": each.experimental,
    }


def _show(rows: Sequence[Measurement], left: Sequence[str], asked: Asked, output: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("job", "workload", "native", str(asked.scenario["runtime"]), "keeps")
    for row in rows:
        values = [_shown(v, row.unit) for v in (row.baseline_value, row.value)]
        spread = f" ± {row.spread:.0%}" if row.spread is not None else ""
        job = row.benchmark.removeprefix(f"{asked.tool} ")
        table.add_row(job, row.scenario.workload, *values, f"{row.retained:.1%}{spread}")
    console.print(table)
    for row in rows:
        if row.retained > _SUSPECT:
            print(f"{row.benchmark}: faster than native; did both do the same?", file=sys.stderr)
    for said in left:
        print(f"left out: {said}", file=sys.stderr)
    if asked.tool in FORMATS and FORMATS[asked.tool].experimental:
        print(f"{asked.tool} is experimental: look at the figures", file=sys.stderr)
    print(f"{len(rows)} rows in {output}: for train --measurements, predict --observations")


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f} {unit}" if value >= 1e3 else f"{value:.4g} {unit}"
