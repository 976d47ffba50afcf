"""A run as one JSON document, and as tables for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from datasets.measuring.comparison import Compared
from datasets.measuring.plan import AGAIN
from datasets.measuring.runtimes.runtime import Probe
from datasets.measuring.suite import Result
from datasets.measuring.sweeps import sweeps
from datasets.row import record_from_measurement

_DIGITS = 4
# Wide enough that no runtime's column is cut, whatever the terminal.
_WIDTH = 120
_NS_PER_MS = 1e6


def probes_document(probes: Sequence[Probe]) -> list[dict[str, Any]]:
    """`measure --list --json`."""
    return [
        {"runtime": p.runtime, "works": p.works, "version": p.version, "why_not": p.why_not}
        for p in probes
    ]


def run_document(result: Result) -> dict[str, Any]:
    """`measure --json`."""
    here = result.machine
    return {
        "machine": {
            "cpu": here.cpu,
            "cores": here.cores,
            "memory_gb": here.memory_gb,
            "virtualised": here.virtualised,
            "kernel": here.kernel,
        },
        "settings": result.settings,
        "versions": result.versions,
        "repetitions": result.plan.rounds,
        "conditions": [one.conditions for one in result.rounds],
        "broken": [
            {"repetition": i, **o.broken} for i, o in enumerate(result.rounds, 1) if o.broken
        ],
        "results": [_figure(one) for one in result.compared],
        "missing": [
            {"runtime": m.side, "benchmark": m.benchmark, "why": m.why} for m in result.missing
        ],
        "rows": [record_from_measurement(row) for row in result.rows],
    }


def _figure(one: Compared) -> dict[str, Any]:
    return {
        "runtime": one.side,
        "benchmark": one.benchmark.name,
        "workload": one.benchmark.workload,
        "native_ns": _short(one.native_ns),
        "ns": _short(one.ns),
        "retained": _short(one.retained),
        "band": _short(one.band),
        "difference_seen": one.differs,
        "spread": _short(one.spread),
        "repeats": one.repeats,
        "outliers": list(one.outliers),
        "native_outliers": list(one.native_outliers),
        "huge_share": one.huge,
        "rounds_ns": [_short(ns) for ns in one.rounds],
    }


def print_probes(probes: Sequence[Probe]) -> None:
    """`measure --list` for a person, with the sweeps of a full run."""
    table = Table("runtime", "works", "version", "why not")
    for p in probes:
        cells = (p.runtime, "yes" if p.works else "no", p.version, p.why_not)
        table.add_row(*(Text(cell) for cell in cells))
    console = Console()
    console.print(table)
    for sweep in sweeps().values():
        console.print(Text(f"sweep of {sweep.name}: {sweep.missing() or 'can be tried'}"))


def print_run(result: Result) -> None:
    """A run for a person: what each runtime keeps of native, by benchmark."""
    sides = [AGAIN, *(s for s in result.versions if s != "native")]
    by = {(c.side, c.benchmark.name): c for c in result.compared}
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("benchmark", "native", "band", *sides[1:]):
        table.add_column(title, no_wrap=True, overflow="fold")
    for benchmark in result.plan.benchmarks:
        again = by.get((AGAIN, benchmark.name))
        cells = [_time(again.native_ns), f"±{again.band:.1%}"] if again else ["", ""]
        shown = [_kept(by.get((side, benchmark.name))) for side in sides[1:]]
        table.add_row(*(Text(c) for c in (benchmark.name, *cells, *shown)))
    console = Console(width=_WIDTH)
    console.print(Text(f"{result.machine.described}, {result.machine.kernel}"))
    console.print(table)
    said = f"{result.plan.rounds} repetitions. = no difference seen: inside the band that native "
    said += "against native makes. ! rounds stand apart; they are counted in."
    console.print(Text(said))
    for line in [*_conditions(result), *_missing(result)]:
        console.print(Text(line))


def _kept(one: Compared | None) -> str:
    if one is None:
        return "-"
    figure = f"{one.retained:.3f}" if one.retained >= 0.1 else f"{one.retained:.3g}"
    return figure + (" =" if not one.differs else "") + ("!" if one.outliers else "")


def _time(ns: float) -> str:
    for scale, unit in ((_NS_PER_MS, "ms"), (1e3, "us")):
        if ns >= scale:
            return f"{ns / scale:.3g} {unit}"
    return f"{ns:.3g} ns"


def _conditions(result: Result) -> list[str]:
    """Steal and pressure while it ran, sides that broke."""
    told = []
    for key, name in (("steal", "stolen by the host"), ("pressure_cpu", "waited for a processor")):
        shares = [s for o in result.rounds if (s := o.conditions.get(key)) is not None]
        if shares and max(shares) > 0.01:
            told.append(f"{name}: {min(shares):.0%} to {max(shares):.0%} of the time")
    for number, one in enumerate(result.rounds, 1):
        told += [f"repetition {number}, {side} broke: {why}" for side, why in one.broken.items()]
    return told


def _missing(result: Result) -> list[str]:
    """What of the sweeps gave no figure or no row, by runtime and reason."""
    swept = {b.name for b in result.plan.benchmarks if b.program}
    told: dict[tuple[str, str], list[str]] = {}
    for one in result.missing:
        if one.benchmark in swept:
            told.setdefault((one.side, one.why), []).append(one.benchmark)
    return [f"{side}, no {', '.join(names)}: {why}" for (side, why), names in told.items()]


def _short(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
