"""Real programs: profiled natively, predicted from the profile alone, then measured.

    python -m tests.benchmarks.endtoend [--repetitions 5] [--only nginx] [--runtime runc]
        [--observations mine.csv] [--host-profile host.json] [--json]

Needs root, a champion (one is trained when there is none), perf, nginx, wrk, redis, sqlite3, gcc,
and the runtimes: runc, runsc (ptrace) and bubblewrap. nginx and Redis run inside, on the host's
network in every runtime (runsc with --network=host), and their client outside, natively; so what
is compared is the server's own; a server that is natively `busy` for less than one core waits for
its client, which hides of its loss as much as its idle time. SQLite and gcc are timed inside,
without the runtime's start.

The profile is that of `nearmetal profile`, of the native program alone. A prediction is asked with
it, the cores and memory of this machine, `nested` as it is, and the runtime's own arrangement; no
measurement of this machine goes in. `told` is what the same is when it is told rows of `nearmetal
measure` of this machine (`--observations`), its calibration (`--host-profile`), or both; nothing in
them is of these programs. The interval of a prediction is the service's, that of a measurement
Student's t of the logarithms of paired ratios. Everything made is removed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets.tracing.machine import cpu_model, kernel, virtualised
from datasets.tracing.program import Unavailable
from serving.hostprofile import for_host
from serving.observations import read_observations
from serving.questions import Question
from tests.benchmarks.endtoend.figures import row, show, summary
from tests.benchmarks.endtoend.programs import Program, programs
from tests.benchmarks.endtoend.running import RUNNING


class Told:
    """What `nearmetal measure` found on this machine: rows, constants, or both."""

    def __init__(self, observations: Path | None, host_profile: Path | None) -> None:
        self.observations = () if observations is None else read_observations(observations)
        self.on_host = for_host(host_profile)

    def asked(self, question: Question) -> Question:
        """The question with the rows."""
        return replace(question, observations=self.observations)


def machine() -> dict[str, Any]:
    """What a prediction is told of the host."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {"cores": float(os.cpu_count() or 1), "memory_gb": round(total, 1)}


def predicted(
    runtimes: Sequence[str],
    profile: dict[str, Any],
    told: Told | None = None,
) -> dict[str, dict[str, Any]]:
    """The record of each runtime, asked with the profile's demands alone, or told of this host."""
    from serving.answers import answer
    from serving.questions import ask
    from serving.store import load_champion

    questions = []
    for runtime in runtimes:
        word, mechanisms = RUNNING[runtime]
        nested = {"nested": "yes"} if virtualised() else {}
        scenario = {"runtime": word, "mechanisms": {**mechanisms, **nested}, **machine()}
        question = ask({**scenario, "demands": profile["demands"]}, {})
        questions.append(question if told is None else told.asked(question))
    predictor = load_champion() if told is None else told.on_host(load_champion())
    return dict(zip(runtimes, answer(predictor, questions), strict=True))


def taken(
    program: Program, runtimes: Sequence[str], repetitions: int
) -> dict[str, dict[str, list[float]]]:
    """Times [s] by load and runtime, in rounds that begin each with another runtime."""
    times: dict[str, dict[str, list[float]]] = {
        load: {runtime: [] for runtime in runtimes} for load in program.loads
    }
    for runtime in runtimes:  # What is first of all is slow, and not counted.
        program.time(runtime, program.loads[0])
    for turn in range(repetitions):
        for load in program.loads:
            for place in range(len(runtimes)):
                runtime = runtimes[(turn + place) % len(runtimes)]
                times[load][runtime].append(program.time(runtime, load))
    return times


def run(
    only: Sequence[str],
    runtimes: Sequence[str],
    repetitions: int,
    told: Told | None = None,
) -> dict[str, Any]:
    """The whole check as its document."""
    from training.cli import ensure_champion

    ensure_champion()
    start, rows, profiles, failed = time.monotonic(), [], {}, {}
    isolated = [name for name in runtimes if name != "native"]
    with tempfile.TemporaryDirectory(prefix="nearmetal-endtoend-") as folder:
        Path(folder).chmod(0o755)
        for program in programs(Path(folder), runtimes):
            if only and program.name not in only:
                continue
            try:
                program.start()
                print(f"{program.name}: profiling", file=sys.stderr)
                made = {load: program.profile(load) for load in program.loads}
                records = {load: predicted(isolated, made[load]) for load in program.loads}
                print(f"{program.name}: measuring", file=sys.stderr)
                times = taken(program, runtimes, repetitions)
            except Unavailable as error:
                failed[program.name] = str(error)
                print(f"{program.name}: {error}", file=sys.stderr)
                continue
            finally:
                program.stop()
            profiles |= made
            for load in program.loads:
                again = predicted(isolated, made[load], told) if told else {}
                rows += [
                    row(load, name, times[load], made[load], records[load][name], again.get(name))
                    for name in isolated
                ]
    return {
        "repetitions": repetitions,
        "machine": {**machine(), "kernel": kernel(), "cpu_model": cpu_model()},
        "rows": rows,
        "summary": summary(rows) if rows else {},
        "profiles": profiles,
        "failed": failed,
        "seconds": time.monotonic() - start,
    }


def main() -> int:
    """Run what was asked for; 1 when a program could not be checked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", action="append", default=[], metavar="PROGRAM")
    parser.add_argument("--runtime", action="append", choices=[n for n in RUNNING if n != "native"])
    parser.add_argument("--observations", type=Path, metavar="FILE")
    parser.add_argument("--host-profile", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    runtimes = ["native", *(asked.runtime or [n for n in RUNNING if n != "native"])]
    given = asked.observations or asked.host_profile
    told = Told(asked.observations, asked.host_profile) if given else None
    document = run(asked.only, runtimes, asked.repetitions, told)
    if asked.json:
        print(json.dumps(document))
    elif document["rows"]:
        show(document)
    return 1 if document["failed"] or not document["rows"] else 0


if __name__ == "__main__":
    sys.exit(main())
