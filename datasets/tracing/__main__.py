"""`python -m datasets.tracing [--only NAME] --output FILE`: count the demands of real programs."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.traces import Trace, write_traces
from datasets.tracing import commands, numeric, sql, stores, webservers
from datasets.tracing.command import trace_command
from datasets.tracing.counters import usable_events
from datasets.tracing.program import Program, Unavailable
from datasets.tracing.service import trace_service
from datasets.tracing.tally import trace_of

PROGRAMS: dict[str, Program] = {
    program.name: program
    for room in (webservers, stores, sql, commands, numeric)
    for program in room.PROGRAMS
}


def main(argv: Sequence[str] | None = None) -> int:
    """Trace what is asked for and installed; 2 where nothing could be traced."""
    parser = argparse.ArgumentParser(prog="python -m datasets.tracing", description=__doc__)
    parser.add_argument("--only", action="append", choices=PROGRAMS, help="may be repeated")
    parser.add_argument("--output", required=True, type=Path, help="the CSV file to write")
    asked = parser.parse_args(argv)
    if shutil.which("strace") is None:
        return _refuse("strace is not installed (package strace)")
    events = usable_events()
    if not events:
        _say("perf is not installed or may not count here: switches, faults, io_ops stay unknown")
    found: list[Trace] = []
    for name in asked.only or PROGRAMS:
        try:
            for trace in traced(PROGRAMS[name], events):
                _say(f"{trace.id}: {trace.op_us:.4g} us, {trace.counted_calls:.4g} calls")
                found.append(trace)
        except (Unavailable, subprocess.TimeoutExpired) as reason:
            _say(f"{name} skipped: {reason}")
    if not found:
        return _refuse("nothing was traced")
    write_traces(asked.output, found)
    _say(f"{len(found)} traces in {asked.output}")
    return 0


def traced(program: Program, events: Sequence[str]) -> Iterator[Trace]:
    """The traces of one program at each of its operating points."""
    version = program.version()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if program.commands is not None:
            for command in program.commands(folder):
                tally = trace_command(command, events)
                yield trace_of(tally, command.point, program.name, version, command.title)
        if program.start is not None:
            service = program.start(folder)
            try:
                for load in service.loads():
                    tally = trace_service(service, load, events)
                    yield trace_of(tally, load.point, program.name, version, load.title)
            finally:
                service.stop()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _refuse(reason: str) -> int:
    _say(f"datasets.tracing: {reason}")
    return 2


if __name__ == "__main__":
    sys.exit(main())
