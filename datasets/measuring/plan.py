"""What one run measures and how often; what a state file belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datasets.measuring.catalog import Benchmark
from datasets.measuring.conditions import Machine
from datasets.measuring.program import Built, source_digest
from datasets.measuring.swept import chosen
from features.errors import InvalidInput, Problem

MIN_REPETITIONS = 5
MAX_REPETITIONS = 200
_QUICK = (5, 15.0)
_FULL = (12, 60.0)
# A sweep has many points, and the shape over them tells more than the last digits of one.
_SWEPT_MS = 30.0

# The two natives that are compared with one another; isolated runtimes with both.
NATIVE = "native"
AGAIN = "native (again)"


@dataclass(frozen=True)
class Plan:
    """Sides in their order, benchmarks, rounds, and the time for a benchmark in one [ms]."""

    sides: tuple[str, ...]
    benchmarks: tuple[Benchmark, ...]
    rounds: int
    budget_ms: float
    digest: str

    @property
    def steps(self) -> int:
        """Figures that are taken in all: each benchmark's, and each side's start."""
        return self.rounds * len(self.sides) * (len(self.benchmarks))

    @property
    def sweeps(self) -> frozenset[str]:
        """The sweeps that take care of some benchmark's setting."""
        return frozenset(b.setting.sweep for b in self.benchmarks if b.setting.sweep)

    def budget_of(self, benchmark: Benchmark) -> float:
        """The time for one benchmark in one round [ms]."""
        return min(self.budget_ms, _SWEPT_MS) if benchmark.program else self.budget_ms

    def order(self, turn: int) -> tuple[str, ...]:
        """The sides in the order of one turn: each comes first equally often."""
        shift = turn % len(self.sides)
        turned = (*self.sides[shift:], *self.sides[:shift])
        return turned if (turn // len(self.sides)) % 2 == 0 else tuple(reversed(turned))


def check_repetitions(count: int) -> int:
    """The repetitions asked for. Raises InvalidInput when they are too few or too many."""
    if not MIN_REPETITIONS <= count <= MAX_REPETITIONS:
        said = f"must be {MIN_REPETITIONS} to {MAX_REPETITIONS}, not {count}"
        raise InvalidInput([Problem("repetitions", said)])
    return count


def make_plan(
    isolated: Sequence[str],
    versions: Mapping[str, str],
    here: Machine,
    built: Built,
    *,
    quick: bool,
    repetitions: int | None,
) -> Plan:
    """The plan of a run. Raises InvalidInput when repetitions are too few or too many."""
    rounds, budget_ms = _QUICK if quick else _FULL
    rounds = rounds if repetitions is None else check_repetitions(repetitions)
    benchmarks = chosen(quick=quick, cores=here.cores)
    sides = (NATIVE, *isolated, AGAIN)
    # Figures taken under another kernel, version, compiler or program are not of this run.
    asked = [(b.name, *b.words, repr(b.setting)) for b in benchmarks]
    facts = [sides, asked, budget_ms, source_digest(), built.compiler]
    facts += [dict(versions), here.described, here.kernel]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
    return Plan(sides, benchmarks, rounds, budget_ms, digest)
