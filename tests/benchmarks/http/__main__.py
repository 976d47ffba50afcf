"""The service over HTTP beside its own no-op and other ways to serve a Gaussian process.

    uv run --group bench python -m tests.benchmarks.http CACHE [--rounds 5] [--seconds 5]
    uv run --group bench python -m tests.benchmarks.http CACHE --soak 600

CACHE is a folder for the rivals' environments, models and logs. Needs uv and a champion in the
store (`nearmetal train`); load is made by wrk where it is installed. All contestants run at once
with one worker each and are asked in turn, round by round, so that a slow minute of the machine
falls on all; medians of rounds. Every rival has as many training rows as the champion and is asked
about the same 64 scenarios.

The generator's share of a core is shown: where it nears 1, it is what is measured. The processor
time a request takes says more than latency where the machine does other work as well.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from models.home import bentoml_home
from serving.store import load_champion
from tests.benchmarks.http.contestants import CONTESTANTS, Contestant, Server, running
from tests.benchmarks.http.load import Load, generator_name, run_load
from tests.benchmarks.http.questions import write_bodies, write_rows

CONNECTIONS = (1, 16)
WARM_UP_S = 2
SLICE_S = 60
# From here on the generator may be what is measured.
GENERATOR_LIMIT = 0.8
COLUMNS = ("p50 [ms]", "p99 [ms]", "requests/s", "errors", "CPU [ms]", "generator")


def measure(
    asked: Sequence[Contestant],
    servers: dict[str, Server],
    bodies: dict[str, Path],
    *,
    rounds: int,
    seconds: int,
) -> list[dict[str, Any]]:
    """A row for each contestant and number of connections: medians of interleaved rounds."""
    runs: dict[tuple[int, str], list[tuple[Load, float]]] = defaultdict(list)
    for contestant in asked:
        _run(contestant, servers, bodies, 1, WARM_UP_S)
    for place in range(rounds):
        for connections in CONNECTIONS:
            for contestant in asked:
                run = _run(contestant, servers, bodies, connections, seconds)
                runs[connections, contestant.name].append(run)
        print(f"round {place + 1} of {rounds}", file=sys.stderr, flush=True)
    return [
        {"connections": connections, "name": name, **_medians(found)}
        for (connections, name), found in runs.items()
    ]


def soak(server: Server, bodies: Path, seconds: int) -> dict[str, Any]:
    """The service under load at the most connections: tail, errors and memory by the minute."""
    url, slices = server.url("/predict"), []
    run_load(url, bodies, connections=CONNECTIONS[-1], seconds=WARM_UP_S)
    left = seconds
    while left > 0:
        took = min(left, SLICE_S)
        load = run_load(url, bodies, connections=CONNECTIONS[-1], seconds=took)
        left -= took
        slices.append(
            {
                "seconds": seconds - left,
                "p50_ms": load.p50_ms,
                "p99_ms": load.p99_ms,
                "tail": load.p99_ms / load.p50_ms,
                "requests": load.requests,
                "errors": load.errors,
                "rss_mb": server.rss_mb(),
            }
        )
        print(f"{seconds - left} s: {slices[-1]['rss_mb']:.0f} MB", file=sys.stderr, flush=True)
    return {"connections": CONNECTIONS[-1], "slices": slices}


def _run(
    contestant: Contestant,
    servers: dict[str, Server],
    bodies: dict[str, Path],
    connections: int,
    seconds: int,
) -> tuple[Load, float]:
    """What the load saw, and the processor time that a request took [ms]."""
    server = servers[contestant.server]
    before = server.cpu_s()
    load = run_load(
        server.url(contestant.path),
        bodies[contestant.bodies],
        connections=connections,
        seconds=seconds,
    )
    server.settle()
    return load, 1e3 * (server.cpu_s() - before) / max(load.requests, 1)


def _medians(found: Sequence[tuple[Load, float]]) -> dict[str, Any]:
    loads = [load for load, _ in found]
    return {
        "p50_ms": median(load.p50_ms for load in loads),
        "p99_ms": median(load.p99_ms for load in loads),
        "per_s": median(load.per_s for load in loads),
        "errors": sum(load.errors for load in loads),
        "cpu_ms": median(cpu for _, cpu in found),
        "generator": max(load.generator for load in loads),
    }


def ratios(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What the service keeps of its targets, in words."""
    by = {(row["connections"], row["name"]): row for row in rows}
    lines = []
    for connections in CONNECTIONS:
        own = by.get((connections, "nearmetal"))
        if own is None:
            continue
        said = [
            f"{own['p50_ms'] / by[connections, name]['p50_ms']:.2f} x the p50 of {name}"
            for name in ("no-op", "no-op route")
            if (connections, name) in by
        ]
        said += [
            f"{own['per_s'] / by[connections, name]['per_s']:.1f} x the requests/s of {name}"
            for name in ("FastAPI", "FastAPI, thread", "MLServer", "MLflow", "MLflow, bare")
            if (connections, name) in by
        ]
        lines.append(f"{connections} connections: {', '.join(said)}")
    return lines


def _cells(row: dict[str, Any]) -> list[str]:
    return [
        f"{row['p50_ms']:.2f}",
        f"{row['p99_ms']:.1f}",
        f"{row['per_s']:,.0f}",
        str(row["errors"]),
        f"{row['cpu_ms']:.2f}",
        f"{row['generator']:.2f}",
    ]


def _says(name: str) -> str:
    return next(f"{c.name}: {c.says}" for c in CONTESTANTS if c.name == name)


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a table for a page."""
    lines = [f"| connections | | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 2) + "|"]
    for row in rows:
        cells = [str(row["connections"]), _says(row["name"]), *_cells(row)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def show(document: dict[str, Any], console: Console) -> None:
    """The document as tables."""
    if "rows" in document:
        table = Table(
            "connections", "asked", *COLUMNS, title=f"{document['training_rows']} training rows"
        )
        for row in document["rows"]:
            table.add_row(str(row["connections"]), row["name"], *_cells(row))
        console.print(table)
        for line in document["ratios"]:
            console.print(line)
        busiest = max(row["generator"] for row in document["rows"])
        if busiest > GENERATOR_LIMIT:
            console.print(f"the generator took {busiest:.2f} of a core: it may be what is measured")
        return
    names = ("seconds", "p50_ms", "p99_ms", "tail", "requests", "errors", "rss_mb")
    table = Table(*names, title=f"soak, {document['connections']} connections")
    for part in document["slices"]:
        table.add_row(*(f"{part[name]:,.6g}" for name in names))
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="http", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cache", type=Path, help="folder for environments, models and logs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of load, for each in each round")
    parser.add_argument("--only", nargs="+", choices=[c.name for c in CONTESTANTS])
    parser.add_argument("--soak", type=int, metavar="SECONDS", help="the service alone, this long")
    parser.add_argument("--port", type=int, default=3300, help="the first of those used")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one document on stdout")
    form.add_argument("--markdown", action="store_true", help="a table for a page")
    options = parser.parse_args(arguments)
    asked = [c for c in CONTESTANTS if not options.only or c.name in options.only]
    if options.soak:
        asked = [c for c in CONTESTANTS if c.name == "nearmetal"]
    # Ended from outside, too, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    cache = options.cache.resolve()
    cache.mkdir(parents=True, exist_ok=True)
    champion = load_champion()
    rows = cache / "rows.npz"
    document: dict[str, Any] = {
        "training_rows": write_rows(champion, rows),
        "generator": generator_name(),
    }
    bodies = write_bodies(champion, cache)
    names = list(dict.fromkeys(c.server for c in asked))
    with running(names, cache, rows, str(bentoml_home()), options.port) as servers:
        if options.soak:
            document |= soak(servers["nearmetal"], bodies["scenario"], options.soak)
        else:
            found = measure(asked, servers, bodies, rounds=options.rounds, seconds=options.seconds)
            document |= {"rows": found, "ratios": ratios(found)}
    if options.json:
        print(json.dumps(document, indent=1))
    elif options.markdown and "rows" in document:
        print("\n".join([markdown(document["rows"]), "", *document["ratios"]]))
    else:
        show(document, Console())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
