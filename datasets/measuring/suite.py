"""One run from the probe to the rows: what is touched is told before and gone after."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.measurement import Measurement
from datasets.measuring.comparison import Compared, Missing, compare
from datasets.measuring.conditions import Machine, machine, settings
from datasets.measuring.folder import check_writable, own_folder
from datasets.measuring.interrupts import held
from datasets.measuring.plan import NATIVE, Plan, make_plan
from datasets.measuring.program import build
from datasets.measuring.rounds import Round, Step, measure_round
from datasets.measuring.rows import rows_of
from datasets.measuring.runtimes import runtimes
from datasets.measuring.runtimes.runtime import Place, Probe, Runtime
from datasets.measuring.session import Broken
from datasets.measuring.state import forget_rounds, keep_rounds, load_rounds
from datasets.measuring.sweeps import sweeps
from datasets.measuring.sweeps.sweep import Sweep
from datasets.table import write_measurements
from features.errors import InvalidInput, NotStored, Problem, unknown_name

STEM = "nearmetal-measure"
Say = Callable[[str], None]
Progress = Callable[[str, int], contextlib.AbstractContextManager[Step]]


@dataclass(frozen=True)
class Result:
    """What a run found: figures, what gave none, the rows, and the conditions of each round."""

    plan: Plan
    compared: list[Compared]
    missing: list[Missing]
    rows: list[Measurement]
    machine: Machine
    settings: dict[str, Any]
    versions: dict[str, str]
    rounds: list[Round]


def probe_all(only: Sequence[str] = (), step: Step | None = None) -> list[Probe]:
    """Which runtimes really run the program here, and why each other does not."""
    tried = _chosen(only)
    with _place() as place:
        return _probed(tried, place, step)


def measure(
    *,
    only: Sequence[str] = (),
    quick: bool = False,
    repetitions: int | None = None,
    output: Path | None = None,
    source: str,
    say: Say,
    progress: Progress,
) -> Result:
    """Measure and, with `output`, write the rows; a run that was interrupted goes on.

    Raises InvalidInput when nothing can be measured, NotStored when the output cannot be written.
    An interrupt ends all instances, takes everything away, and is raised again.
    """
    check_writable(output)
    tried = _chosen([NATIVE, *only] if only else [])
    with _place() as place:
        with progress("probing", len(tried)) as step:
            probes = _probed(tried, place, step)
        working = [r for r, probe in zip(tried, probes, strict=True) if probe.works]
        _check(only, probes)
        versions = {p.runtime: p.version for p in probes if p.works}
        names = [r.name for r in working if r.name != NATIVE]
        here = machine()
        plan = make_plan(names, versions, here, place.built, quick=quick, repetitions=repetitions)
        varied = {k: s for k, s in sweeps().items() if k in plan.sweeps}
        rounds = load_rounds(output, plan) if output else []
        _announce(say, place, working, list(varied.values()), len(rounds), plan)
        by_name = {r.name: r for r in working}
        with (
            _prepared(working, list(varied.values()), place, say),
            progress("measuring", plan.steps) as step,
        ):
            for _ in range(len(rounds) * plan.steps // plan.rounds):
                step("measured before")
            for number in range(len(rounds), plan.rounds):
                rounds.append(measure_round(plan, number, by_name, varied, place, step))
                if output:
                    keep(output, plan, rounds)
        set_to = {**settings(), "compiler": place.built.compiler}
    compared, missing = compare(plan, rounds)
    year = datetime.datetime.now(datetime.UTC).year
    rows, left_out = rows_of(compared, by_name, versions, here, source, year)
    if output and rows:
        with _kept(output):
            write_measurements(output, rows)
            forget_rounds(output)
    return Result(plan, compared, missing + left_out, rows, here, set_to, versions, rounds)


def _chosen(only: Sequence[str]) -> list[Runtime]:
    known = {runtime.name: runtime for runtime in runtimes()}
    wrong = [unknown_name("runtime", name, known) for name in only if name not in known]
    if wrong:
        raise InvalidInput(wrong)
    return [runtime for name, runtime in known.items() if not only or name in only]


def _probed(tried: Sequence[Runtime], place: Place, step: Step | None) -> list[Probe]:
    probes = []
    for runtime in tried:
        probes.append(runtime.probe(place))
        if step:
            step(runtime.name)
    return probes


def _check(only: Sequence[str], probes: Sequence[Probe]) -> None:
    """What was asked for must work, and something beside native."""
    broken = [p for p in probes if not p.works and (p.runtime in only or p.runtime == NATIVE)]
    if broken:
        raise InvalidInput([Problem(p.runtime, p.why_not) for p in broken])
    if all(p.runtime == NATIVE for p in probes if p.works):
        said = "none but native works here; `nearmetal measure --list` says why"
        raise InvalidInput([Problem("runtime", said)])


def _announce(
    say: Say,
    place: Place,
    working: Sequence[Runtime],
    varied: Sequence[Sweep],
    before: int,
    plan: Plan,
) -> None:
    say(f"makes the folder {place.folder} and removes it")
    for runtime in working:
        if runtime.touches:
            say(f"{runtime.name}: {runtime.touches} ({place.name(runtime.name)})")
    for sweep in varied:
        if why := sweep.missing():
            say(f"{sweep.name} is left out: {why}")
        else:
            say(f"{sweep.name}: {sweep.touches} ({place.stem})")
    if before:
        say(f"goes on after {before} of {plan.rounds} repetitions")


@contextlib.contextmanager
def _place() -> Iterator[Place]:
    """A folder of this run's own, with the program built in it."""
    with own_folder(STEM) as folder:
        yield Place(folder, f"{STEM}-{os.getpid()}", build(folder))


@contextlib.contextmanager
def _prepared(
    working: Sequence[Runtime], varied: Sequence[Sweep], place: Place, say: Say
) -> Iterator[None]:
    """Runtimes, without which nothing is measured, and sweeps, which are told where they break."""
    try:
        for runtime in working:
            runtime.prepare(place)
        for sweep in varied:
            sweep.broken = sweep.missing()
            try:
                if not sweep.broken:
                    sweep.prepare(place, working)
            except Broken as why:
                sweep.broken = str(why)
                say(f"{sweep.name} is left out: {why}")
        yield
    except Broken as why:
        raise InvalidInput([Problem("runtime", str(why))]) from None
    finally:
        with held():
            for sweep in varied:
                with contextlib.suppress(Broken):
                    sweep.clean(place)
            for runtime in working:
                with contextlib.suppress(Broken):
                    runtime.clean(place)


def keep(output: Path, plan: Plan, rounds: Sequence[Round]) -> None:
    """Keep the rounds so far next to the output. Raises NotStored."""
    with _kept(output):
        keep_rounds(output, plan, rounds)


@contextlib.contextmanager
def _kept(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise NotStored(f"{output} cannot be written: {error.strerror}") from None
