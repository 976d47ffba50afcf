"""What `nearmetal profile` does behind its flags: watch, count, write, tell."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.profiling.counting import Counter, counter_of
from datasets.profiling.profile import Counted, document_of, operations_between, write_profile
from datasets.profiling.stracing import strace_command, strace_process
from datasets.profiling.watching import (
    Watch,
    watch_command,
    watch_process,
)
from datasets.tracing.calls import CallCounts
from datasets.tracing.tally import per_operation
from features.errors import InvalidInput, Problem

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_RATE = re.compile(r"(\d+(?:\.\d+)?(?:e\d+)?)(?:/s)?")
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, None: 1.0}
_LONGEST_S = 24 * 3600.0
_DEFAULT_S = 30.0


@dataclass(frozen=True)
class Asked:
    """The command's words, as they were given."""

    program: Sequence[str] = ()
    pid: str | None = None
    seconds: str | None = None
    operations: str | None = None
    rate: str | None = None
    count_from: str | None = None
    strace: bool = False


def run_profile(asked: Asked, output: Path, as_json: bool) -> None:
    """Watch, write the profile and say what it holds. Raises InvalidInput."""
    document = profiled(asked, quiet=as_json)
    write_profile(output, document)
    if as_json:
        print(json.dumps(document))
    else:
        _show(document, output)


def profiled(asked: Asked, *, quiet: bool = False) -> dict[str, Any]:
    """The profile's document of what was asked. Raises InvalidInput."""
    seconds, operations, rate = _numbers(asked)
    counter = None if asked.count_from is None else counter_of(asked.count_from)
    if asked.pid is not None:
        pid = int(asked.pid)
        seconds = _DEFAULT_S if seconds is None else seconds
        watch = watch_process(pid, seconds, counter=counter)
        name = f"process {pid}"
    else:
        watch = watch_command(asked.program, counter=counter, seconds=seconds, quiet=quiet)
        name = shlex.join(asked.program)
    n, how = _operations(watch, operations, rate)
    traced = _traced(asked, watch, n, counter) if asked.strace else None
    return document_of(Counted(name[:200], watch, n, how, traced))


def _operations(watch: Watch, operations: float | None, rate: float | None) -> tuple[float, str]:
    if operations is not None:
        return operations, "--operations"
    if rate is not None:
        return rate * watch.seconds, "--rate"
    counted = operations_between(watch.samples)
    return (1.0, "the whole run is one") if counted is None else (counted, "--count-from")


def _traced(asked: Asked, watch: Watch, n: float, counter: Counter | None) -> CallCounts:
    """strace's counts per operation, of a second run or a second window."""
    if asked.pid is None:
        if not watch.finished:
            said = "goes with a program that runs to its end, or with --pid"
            raise InvalidInput([Problem("strace", said)])
        return per_operation(strace_command(asked.program), CallCounts(), n)
    counts, done = strace_process(int(asked.pid), watch.seconds, counter)
    # Slowed down it does fewer operations: without a counter their number is not known.
    if done is None or done <= 0.0:
        said = "with --pid needs --count-from that counts while it traces: operations slow down"
        raise InvalidInput([Problem("strace", said)])
    return per_operation(counts, CallCounts(), done)


def _numbers(asked: Asked) -> tuple[float | None, float | None, float | None]:
    """Seconds, operations and rate of the flags. Raises InvalidInput for all that is wrong."""
    problems = []
    if bool(asked.program) == (asked.pid is not None):
        said = "give a program after --, or --pid of one that runs"
        problems.append(Problem("program", said))
    if asked.pid is not None and not (asked.pid.isdecimal() and len(asked.pid) < 10):
        problems.append(Problem("pid", f"a process id is needed, not {asked.pid[:20]!r}"))
    ways = [asked.operations, asked.rate, asked.count_from]
    if sum(way is not None for way in ways) > 1:
        said = "give one of --operations, --rate and --count-from"
        problems.append(Problem("operations", said))
    if asked.pid is not None and not any(way is not None for way in ways):
        said = "of a running program must be told: --operations N, --rate R or --count-from"
        problems.append(Problem("operations", said))
    if asked.strace and asked.pid is not None and asked.count_from is None:
        problems.append(Problem("strace", "with --pid needs --count-from: it slows operations"))
    seconds = None
    if asked.seconds is not None:
        match = _DURATION.fullmatch(asked.seconds)
        seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
        if not 0.1 <= seconds <= _LONGEST_S:
            said = f"0.1s to 24h as in 30s or 5m is needed, not {asked.seconds[:20]!r}"
            problems.append(Problem("for", said))
    numbers = {}
    for key, text in (("operations", asked.operations), ("rate", asked.rate)):
        match = None if text is None else _RATE.fullmatch(text)
        numbers[key] = float(match[1]) if match and len(match[1]) < 20 else None
        if text is not None and not numbers[key]:
            problems.append(Problem(key, f"a number above 0 is needed, not {text[:20]!r}"))
    if problems:
        raise InvalidInput(problems)
    return seconds, numbers["operations"], numbers["rate"]


def _show(document: dict[str, Any], output: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    errors = document["relative_error"]
    table = Table("demand", "per operation", "counted by", title=document["program"])
    for key, value in document["demands"].items():
        error = f" ± {errors[key]:.1%}" if key in errors else ""
        table.add_row(key, f"{value:.4g}{error}", document["counted_by"].get(key, ""))
    Console().print(table)
    said = f"{document['operations']:.6g} operations in {document['seconds']:g} s"
    print(f"{said} ({document['operations_by']}), {document['threads']} threads")
    print(f"control group, {document['cgroup']}")
    print(f"written to {output}: nearmetal compare --demands {output}")
