"""Rounds of interleaved measurements: every side is asked for a benchmark before the next comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from datasets.measuring.catalog import STARTUP, Benchmark
from datasets.measuring.conditions import moment
from datasets.measuring.plan import AGAIN, NATIVE, Plan
from datasets.measuring.runtimes.runtime import Place, Runtime
from datasets.measuring.session import Answer, Broken, Session
from datasets.measuring.sweeps.sweep import Sweep

Step = Callable[[str], None]
_NS_PER_MS = 1e6
# An instance's start is the least of so many, each after a pause in which the one before it ends.
_STARTS = 3
_PAUSE_S = 0.02


@dataclass
class Round:
    """What one round gave: answers by side and benchmark, sides that broke, its conditions."""

    answers: dict[str, dict[str, Answer]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, float | None] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The round as it is kept in a state file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Round:
        """The round of a state file. Raises KeyError, TypeError or AttributeError."""
        answers = {
            str(side): {str(name): Answer(**given) for name, given in told.items()}
            for side, told in record["answers"].items()
        }
        return cls(answers, dict(record["broken"]), dict(record["conditions"]))


def measure_round(
    plan: Plan,
    number: int,
    runtimes: Mapping[str, Runtime],
    sweeps: Mapping[str, Sweep],
    place: Place,
    step: Step,
) -> Round:
    """One repetition: an instance of every side is started, asked for each benchmark in turn with
    the others, and ended; then so for each setting of a sweep that needs instances of its own. A
    side that breaks is told and is not asked any more of what its instance was for."""
    made = Round(answers={side: {} for side in plan.sides})
    before = moment(time.monotonic)
    run = _Run(plan, number, runtimes, place, step, made)
    with ExitStack() as stack:
        usual: dict[str, Session] = {}
        for side in plan.order(number):
            runtime = run.runtime(side)
            try:
                start_ms = _start_ms(runtime, place) if runtime.timed_start else None
                usual[side] = stack.enter_context(runtime.start(place))
            except Broken as why:
                made.broken[side] = str(why)
                continue
            if start_ms is not None:
                made.answers[side][STARTUP] = Answer(start_ms * _NS_PER_MS, _STARTS)
            step(f"{side} starts")
        run.ask([b for b in plan.benchmarks if not b.setting.sweep and b.name != STARTUP], usual)
        for sweep, asked in _stages(plan, sweeps, own_instances=False):
            sessions = run.with_sweep(sweep, asked, partial(_taken, run, usual, sweep))
            run.ask(asked, sessions, sweep)
    for sweep, asked in _stages(plan, sweeps, own_instances=True):
        with ExitStack() as stack:
            sessions = run.with_sweep(sweep, asked, partial(_started, run, stack, sweep, asked[0]))
            run.ask(asked, sessions, sweep)
    made.conditions = before.until(moment(time.monotonic))
    return made


@dataclass
class _Run:
    """What is the same for all of a round, and its answers so far."""

    plan: Plan
    number: int
    runtimes: Mapping[str, Runtime]
    place: Place
    step: Step
    made: Round

    def runtime(self, side: str) -> Runtime:
        """The runtime of a side."""
        return self.runtimes[NATIVE if side == AGAIN else side]

    def with_sweep(
        self, sweep: Sweep, asked: Sequence[Benchmark], given: Callable[[str], Session | None]
    ) -> dict[str, Session]:
        """An instance of each side that has a part in a sweep; of each other its reason is kept."""
        sessions: dict[str, Session] = {}
        for side in self.plan.order(self.number):
            why = sweep.broken or sweep.cannot(self.runtime(side))
            try:
                if not why and (session := given(side)):
                    sessions[side] = session
            except Broken as broken:
                why = str(broken)
            if why:
                self.refuse(side, asked, why)
        return sessions

    def refuse(self, side: str, asked: Sequence[Benchmark], why: str) -> None:
        """Tell why a side has no figure of some benchmarks."""
        self.made.answers[side].update({b.name: Answer(cannot=why) for b in asked})
        for benchmark in asked:
            self.step(f"{benchmark.name} in {side}")

    def ask(
        self, asked: Sequence[Benchmark], sessions: dict[str, Session], sweep: Sweep | None = None
    ) -> None:
        """Every benchmark of every side in turn, each side first equally often."""
        for place_of, benchmark in enumerate(asked):
            try:
                if sweep:
                    sweep.set(benchmark.setting)
            except Broken as why:
                for side in sessions:
                    self.refuse(side, [benchmark], str(why))
                continue
            for side in self.plan.order(self.number + place_of):
                if side not in sessions:
                    continue
                if sweep:
                    sweep.settle()
                name, payload, workers = benchmark.words
                address = sweep.address if sweep else ""
                budget_ms = self.plan.budget_of(benchmark)
                try:
                    answer = sessions[side].ask(name, budget_ms, payload, workers, address)
                    self.made.answers[side][benchmark.name] = answer
                except Broken as why:
                    self.made.broken[side] = f"{benchmark.name}: {why}"
                    del sessions[side]
                self.step(f"{benchmark.name} in {side}")


def _stages(
    plan: Plan, sweeps: Mapping[str, Sweep], *, own_instances: bool
) -> list[tuple[Sweep, list[Benchmark]]]:
    """The plan's benchmarks of sweeps, by what shares its instances."""
    stages: dict[tuple[str, int | None], list[Benchmark]] = {}
    for benchmark in plan.benchmarks:
        setting = benchmark.setting
        if setting.sweep and sweeps[setting.sweep].own_instances is own_instances:
            stages.setdefault((setting.sweep, setting.cores), []).append(benchmark)
    return [(sweeps[name], asked) for (name, _), asked in stages.items()]


def _taken(run: _Run, usual: Mapping[str, Session], sweep: Sweep, side: str) -> Session | None:
    """The usual instance of a side, for a sweep; None where it broke before."""
    if side in usual:
        sweep.take(run.runtime(side), run.place, usual[side])
    return usual.get(side)


def _started(run: _Run, stack: ExitStack, sweep: Sweep, first: Benchmark, side: str) -> Session:
    """An instance of a side for a sweep alone."""
    return stack.enter_context(sweep.start(run.runtime(side), run.place, first.setting))


def _start_ms(runtime: Runtime, place: Place) -> float:
    """The least time to start an instance. Raises Broken."""
    times = []
    for _ in range(_STARTS):
        time.sleep(_PAUSE_S)
        with runtime.start(place) as session:
            times.append(session.start_ms)
    return min(times)
