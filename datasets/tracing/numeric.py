"""Numerical work: steps of a network in numpy, an analytic query over Parquet in Arrow."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from datasets.tracing.commands import SCRIPTS
from datasets.tracing.program import Command, Point, Program, Unavailable, output_of

_STEPS = 100
_QUERIES = 20


def _steps(_folder: Path) -> Sequence[Command]:
    commands = []
    for kind, batch in (("training", 128), ("inference", 128), ("inference", 1)):
        for threads in (1, 2):
            count = _STEPS * (10 if batch == 1 else 1)
            argv = [sys.executable, str(SCRIPTS / "numpy_step.py"), kind, str(batch)]
            point = Point(
                f"{kind}-b{batch}-t{threads}",
                f"ai.{kind}",
                note=f"784-1024-1024-10, batch {batch}, {threads} BLAS thread(s)",
            )
            title = f"python numpy_step.py {kind} {batch} {count} (one operation: a step)"
            commands.append(
                Command(
                    point,
                    [*argv, str(count)],
                    title,
                    count,
                    [*argv, "0"],
                    environment={"OPENBLAS_NUM_THREADS": str(threads)},
                )
            )
    return commands


def _queries(folder: Path) -> Sequence[Command]:
    argv = [sys.executable, str(SCRIPTS / "parquet_query.py"), str(folder / "data.parquet")]
    output_of([*argv, "make"])
    size = (folder / "data.parquet").stat().st_size
    title = f"python parquet_query.py data.parquet {_QUERIES} (one operation: a query)"
    note = "2 million rows, filter and grouped sum over three of four columns"
    return [
        Command(
            Point("query", "big-data", payload_bytes=float(size), note=f"{note}, file cached"),
            [*argv, str(_QUERIES)],
            title,
            _QUERIES,
            [*argv, "0"],
        ),
    ]


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        raise Unavailable(f"{name} is not installed (package {name})") from None


PROGRAMS = (
    Program("numpy", lambda: _package("numpy"), commands=_steps),
    Program("parquet", lambda: f"pyarrow {_package('pyarrow')}", commands=_queries),
)
