"""Commands that remember: import, profile. Heavy imports happen inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add this room's commands to the front door."""
    app.command("import")(import_)
    app.command()(profile)


def import_(
    tool: Annotated[str | None, typer.Argument(help="fio, wrk, ...; see --list.")] = None,
    native: Annotated[Path | None, typer.Argument(help="Its output on bare metal.")] = None,
    isolated: Annotated[Path | None, typer.Argument(help="Its output under the runtime.")] = None,
    runtime: Annotated[str | None, typer.Option(help="What the second file ran under.")] = None,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="CSV to write.")] = None,
    workload: Annotated[
        str | None, typer.Option(help="Of every job. [what each job says it is]")
    ] = None,
    cores: Annotated[str | None, typer.Option(metavar="N", help="Processors of the host.")] = None,
    memory_gb: Annotated[str | None, typer.Option(metavar="N", help="Memory of the host.")] = None,
    network_gbps: Annotated[str | None, typer.Option(metavar="N", help="Link of the host.")] = None,
    storage_iops: Annotated[
        str | None, typer.Option(metavar="N", help="Operations per second of its device.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="KEY=VALUE", help="A mechanism or a demand; repeatable."),
    ] = None,
    job: Annotated[
        list[str] | None, typer.Option(help="A job to take; repeatable. [all that pair]")
    ] = None,
    more_native: Annotated[
        list[Path] | None,
        typer.Option("--native", metavar="FILE", help="A repeat on bare metal; repeatable."),
    ] = None,
    more_isolated: Annotated[
        list[Path] | None,
        typer.Option("--isolated", metavar="FILE", help="A repeat under it; repeatable."),
    ] = None,
    source: Annotated[str, typer.Option(help="What the rows' source is called.")] = "own",
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=COLUMN", help="For csv: job, value, unit, metric, or a setting."),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="For csv: of every value.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="The formats, and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Rows of measurements from what a benchmark tool wrote natively and isolated.

    Experimental: wrk2, memtier, geekbench, phoronix, perfkit.

    Example: nearmetal import fio native.json gvisor.json --runtime gvisor --output rows.csv
    """
    from datasets.importers.command import Asked, run_import, show_formats
    from features.errors import InvalidInput, Problem

    if list_:
        show_formats(as_json)
        return
    needed = {"tool": tool, "native": native, "isolated": isolated, "output": output}
    missing = [Problem(key, "is required") for key, value in needed.items() if value is None]
    if missing or tool is None or native is None or isolated is None or output is None:
        raise InvalidInput(missing)
    scenario = {
        "runtime": runtime,
        "cores": cores,
        "memory_gb": memory_gb,
        "network_gbps": network_gbps,
        "storage_iops": storage_iops,
    }
    asked = Asked(
        tool,
        [native, *(more_native or [])],
        [isolated, *(more_isolated or [])],
        scenario,
        workload,
        options or [],
        job or [],
        source,
        column or [],
        unit,
    )
    run_import(asked, output, as_json)


def profile(
    program: Annotated[
        list[str] | None, typer.Argument(metavar="-- PROGRAM ARGS", help="What to run.")
    ] = None,
    pid: Annotated[str | None, typer.Option(metavar="N", help="Watch a running process.")] = None,
    seconds: Annotated[
        str | None, typer.Option("--for", metavar="30s", help="How long. [to its end; --pid: 30s]")
    ] = None,
    operations: Annotated[
        str | None, typer.Option(metavar="N", help="It did so many. [the run is one]")
    ] = None,
    rate: Annotated[str | None, typer.Option(metavar="R/s", help="It does so many.")] = None,
    count_from: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE",
            help="Command that prints how many so far, an access log, or a Prometheus URL#METRIC.",
        ),
    ] = None,
    strace: Annotated[
        bool, typer.Option("--strace", help="Tell system calls apart exactly, in a second run.")
    ] = False,
    output: Annotated[Path, typer.Option(metavar="FILE", help="JSON to write.")] = Path(
        "profile.json"
    ),
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout; the program's on stderr.")
    ] = False,
) -> None:
    """What a program of yours asks of the machine per operation, watched while it runs natively.

    Example: nearmetal profile --operations 1000 -- ./prog --flag
    """
    from datasets.profiling.command import Asked, run_profile

    asked = Asked(program or [], pid, seconds, operations, rate, count_from, strace)
    run_profile(asked, output, as_json)
