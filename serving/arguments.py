"""The flags that several commands of this room take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# Numbers arrive as text, so that a bad one is told like every other bad input.
Runtime = Annotated[str | None, typer.Option(help="Isolation technology, e.g. gvisor.")]
Runtimes = Annotated[
    list[str] | None, typer.Option("--runtime", help="A runtime to compare; repeatable. [all]")
]
Workload = Annotated[str | None, typer.Option(help="Named workload, e.g. web or database.kv.")]
Cores = Annotated[str | None, typer.Option(metavar="N", help="Processors of the host.")]
MemoryGb = Annotated[str | None, typer.Option(metavar="N", help="Memory of the host.")]
NetworkGbps = Annotated[str | None, typer.Option(metavar="N", help="Link of the host.")]
StorageIops = Annotated[str | None, typer.Option(metavar="N", help="Operations per second.")]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with", metavar="KEY=VALUE", help="A mechanism or a demand in place of the default."
    ),
]
NativeValue = Annotated[
    str | None, typer.Option(metavar="N", help="What you measured on bare metal.")
]
NativeCores = Annotated[
    str | None, typer.Option(metavar="N", help="Cores it was measured on, when not --cores.")
]
Scaling = Annotated[
    str | None,
    typer.Option(help="On other cores: fixed work (Amdahl) or scaled (Gustafson). [fixed]"),
]
Unit = Annotated[str | None, typer.Option(help="Its unit; in ns, us, ms or s less is better.")]
Level = Annotated[str | None, typer.Option(metavar="P", help="Probability of the interval. [0.9]")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Input = Annotated[
    Path | None,
    typer.Option("--input", metavar="FILE", help="CSV of scenarios, a column for each word."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="CSV to write: the input and its answers."),
]
Table = Annotated[
    Path | None,
    typer.Option(
        "--input",
        metavar="PATH",
        help="CSV or Parquet of scenarios, or a folder of them; a column for each word.",
    ),
]
Scored = Annotated[
    Path | None,
    typer.Option(
        "--output", metavar="PATH", help="CSV, Parquet or folder: the input and its answers."
    ),
]
Observations = Annotated[
    Path | None,
    typer.Option(
        "--observations", metavar="FILE", help="CSV of your own measurements of this rig."
    ),
]
Demands = Annotated[
    Path | None,
    typer.Option("--demands", metavar="FILE", help="Profile of your program, for a workload."),
]

HostProfile = Annotated[
    Path | None,
    typer.Option(
        "--host-profile", metavar="FILE", help="What measure --calibrate wrote on this host."
    ),
]
