"""Rounds of interleaved measurements: every side is asked for a benchmark before the next comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

from datasets.measuring.catalog import STARTUP
from datasets.measuring.conditions import moment
from datasets.measuring.plan import AGAIN, NATIVE, Plan
from datasets.measuring.runtimes.runtime import Place, Runtime
from datasets.measuring.session import Answer, Broken, Session

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
    plan: Plan, number: int, runtimes: Mapping[str, Runtime], place: Place, step: Step
) -> Round:
    """One repetition: an instance of every side is started, asked for each benchmark in turn with
    the others, and ended. A side that breaks is told and is not asked any more in this round."""
    made = Round(answers={side: {} for side in plan.sides})
    before = moment(time.monotonic)
    with ExitStack() as stack:
        sessions: dict[str, Session] = {}
        for side in plan.order(number):
            runtime = runtimes[NATIVE if side == AGAIN else side]
            try:
                start_ms = _start_ms(runtime, place) if runtime.timed_start else None
                sessions[side] = stack.enter_context(runtime.start(place))
            except Broken as why:
                made.broken[side] = str(why)
                continue
            if start_ms is not None:
                made.answers[side][STARTUP] = Answer(start_ms * _NS_PER_MS, _STARTS)
            step(f"{side} starts")
        asked = [b.name for b in plan.benchmarks if b.name != STARTUP]
        for place_of, name in enumerate(asked):
            for side in plan.order(number + place_of):
                if side not in sessions:
                    continue
                try:
                    made.answers[side][name] = sessions[side].ask(name, plan.budget_ms)
                except Broken as why:
                    made.broken[side] = f"{name}: {why}"
                    del sessions[side]
                step(f"{name} in {side}")
    made.conditions = before.until(moment(time.monotonic))
    return made


def _start_ms(runtime: Runtime, place: Place) -> float:
    """The least time to start an instance. Raises Broken."""
    times = []
    for _ in range(_STARTS):
        time.sleep(_PAUSE_S)
        with runtime.start(place) as session:
            times.append(session.start_ms)
    return min(times)
