"""Commands that remember: measure. Heavy imports happen inside them."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

ProgressBar = Callable[[str, int], AbstractContextManager[Any]]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def register(app: typer.Typer, progress_bar: ProgressBar) -> None:
    """Add this room's commands; `progress_bar` shows long work on standard error."""

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
            int | None, typer.Option(metavar="N", help="At least 5. [15, quick 5]")
        ] = None,
        output: Annotated[
            Path | None, typer.Option(metavar="FILE", help="CSV to write, a row for each figure.")
        ] = None,
        source: Annotated[
            str | None, typer.Option(help="What the rows call this machine. [own-HOSTNAME]")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Measure what each runtime of this machine keeps of native, interleaved with native.

        Example: nearmetal measure --quick --output mine.csv
        """
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
