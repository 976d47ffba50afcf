"""Commands that remember: import, measure, profile, synthesize. Heavy imports are inside them."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

ProgressBar = Callable[[str, int], AbstractContextManager[Any]]
Executor = Callable[[str | None, int | None], AbstractContextManager[Any]]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def register(app: typer.Typer, progress_bar: ProgressBar, executor: Executor) -> None:
    """Add this room's commands; `progress_bar` shows long work on standard error, `executor` is
    where chunks are worked (scheduler, jobs)."""
    app.command("import")(import_)
    app.command()(profile)

    @app.command()
    def measure(
        listing: Annotated[
            bool, typer.Option("--list", help="Only tell which runtimes work here, and why not.")
        ] = False,
        runtime: Annotated[
            list[str] | None,
            typer.Option(help="A runtime to measure; repeatable. [all that work]"),
        ] = None,
        quick: Annotated[bool, typer.Option("--quick", help="Within a minute.")] = False,
        repetitions: Annotated[
            int | None, typer.Option(metavar="N", help="At least 5. [12, quick 5]")
        ] = None,
        output: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE", help="CSV to write, a row for each figure; JSON of --calibrate."
            ),
        ] = None,
        source: Annotated[
            str | None, typer.Option(help="What the rows call this machine. [own-HOSTNAME]")
        ] = None,
        calibrate: Annotated[
            bool,
            typer.Option(
                "--calibrate", help="The prior's constants on this host, for --host-profile."
            ),
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Measure what each runtime of this machine keeps of native, interleaved with native.

        Example: nearmetal measure --quick --output mine.csv
        """
        if calibrate:
            _calibrate(
                {"list": listing, "runtime": runtime, "source": source},
                progress_bar,
                as_json,
                quick=quick,
                repetitions=repetitions,
                output=output,
            )
            return
        from datasets.measuring import document, suite

        if listing:
            with progress_bar("probing", len(runtime or suite.runtimes())) as step:
                probes = suite.probe_all(runtime or (), step)
            if as_json:
                print(json.dumps(document.probes_document(probes)))
            else:
                document.print_probes(probes)
            return
        result = suite.measure(
            only=runtime or (),
            quick=quick,
            repetitions=repetitions,
            output=output,
            source=source or f"own-{platform.node()}",
            say=lambda text: print(text, file=sys.stderr),
            progress=progress_bar,
        )
        if as_json:
            print(json.dumps(document.run_document(result)))
        else:
            document.print_run(result)

    @app.command()
    def synthesize(
        rows: Annotated[int, typer.Option(metavar="N", help="How many.")],
        output: Annotated[
            Path, typer.Option(metavar="PATH", help="FILE.parquet, or a folder of parts.")
        ],
        seed: Annotated[int, typer.Option(help="The same seed, the same rows.")] = 0,
        sources: Annotated[
            int,
            typer.Option(
                metavar="K", help="Hosts with constants, an offset and a scatter of their own. [0]"
            ),
        ] = 0,
        jobs: Annotated[int | None, typer.Option(metavar="N", help="Processes. [cores]")] = None,
        scheduler: Annotated[
            str | None, typer.Option(metavar="ADDRESS", help="A Dask cluster's: tcp://host:8786.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Synthetic measurements as Parquet; a folder is gone on with where it was interrupted.

        Example: nearmetal synthesize --rows 1000000 --sources 40 --output fleet
        """
        from datasets.synthesis import check_asked, chunks, synthesize
        from datasets.volume import Law

        law = Law(seed, sources)
        check_asked(rows, law, output)
        with (
            executor(scheduler, jobs) as run,
            progress_bar("synthesizing", len(chunks(rows))) as step,
        ):
            files = synthesize(rows, law, output, run, step)
        if as_json:
            told = {"output": str(output), "rows": rows, "files": len(files)}
            print(json.dumps(told | {"seed": seed, "sources": sources}))
        else:
            print(f"{rows:,} rows in {output}: for train --measurements")


def _calibrate(
    others: Mapping[str, Any], progress_bar: ProgressBar, as_json: bool, **asked: Any
) -> None:
    from datasets.measuring.calibration import calibrate, print_profile
    from features.errors import InvalidInput, Problem

    wrong = [Problem(k, "means nothing with --calibrate") for k, v in others.items() if v]
    if wrong:
        raise InvalidInput(wrong)
    profile = calibrate(
        say=lambda text: print(text, file=sys.stderr), progress=progress_bar, **asked
    )
    if as_json:
        print(json.dumps(profile.model_dump()))
    else:
        print_profile(profile)


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
