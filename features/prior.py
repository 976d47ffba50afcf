"""What the analytic models say of scenarios: times add up, part by part.

An operation's native time is the sum of its demands; each mechanism adds time to some of them.
Retained is native time over isolated time. The parts are the factors by which each mechanism
divides it, in the order below, so that they multiply to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, ConstantSets, constants
from features.parts import calls, memory, network, overcommit, processor, storage
from features.parts.terms import Part, PartTime, Terms
from features.scenario import Scenario
from features.table import ScenarioTable, scenario_table
from features.vocabulary import RESOURCES

Array = NDArray[np.float64]

# Placement gives back of what the parts before it took.
PART_TIMES: tuple[PartTime, ...] = (
    *processor.COMPUTE,
    *calls.PARTS,
    *processor.EVENTS,
    *memory.PARTS,
    *overcommit.PARTS,
    *processor.PLACEMENT,
    *network.PARTS,
    *storage.PARTS,
)
PARTS: tuple[Part, ...] = tuple(part for part, _ in PART_TIMES)
# (resources, parts): which resource each part's time is added to.
_TO_RESOURCE = np.array([[float(p.resource == r) for p in PARTS] for r in RESOURCES])
# Gains never make an operation shorter than a thousandth of its native time.
_SHORTEST = 1e-3


class Native:
    """Native times [us] of one operation: (resources, s, n) of s sets of constants and n
    scenarios, and their sum (s, n). What is worked out of them holds for all hosts."""

    def __init__(self, by_resource: Array) -> None:
        self.by_resource = by_resource
        self.total = by_resource.sum(axis=0)
        # (resources, 1, s, n), for all hosts of a scenario.
        apart = by_resource[:, None]
        self._idle = apart <= 0.0
        self._any_idle = bool(self._idle.any())
        self._divisor = np.where(self._idle, 1.0, apart)
        self._largest = apart.argmax(axis=0) == np.arange(len(RESOURCES))[:, None, None, None]

    def slowed(self, added: Array) -> tuple[Array, Array]:
        """Times in units of native time, under what the parts add (parts, k, s, n) [us].

        The first (parts + 1, k, s, n) are of an operation, before the first part and after each.
        The second (resources, k, s, n) are of each resource, NaN where it is not asked for; time
        added to one not asked for counts to the largest.
        """
        count, *shape = added.shape
        both = np.empty((count + 1 + len(RESOURCES), *shape))
        both[0] = 0.0
        running, resources = both[1 : count + 1], both[count + 1 :]
        np.divide(added, self.total, out=running)
        np.add.accumulate(running, axis=0, out=running)
        np.matmul(_TO_RESOURCE, added.reshape(count, -1), out=resources.reshape(len(RESOURCES), -1))
        if self._any_idle:
            stray = np.where(self._idle, resources, 0.0).sum(axis=0)
            resources[...] = np.where(self._idle, np.nan, resources)
            resources += self._largest * stray
        resources /= self._divisor
        both += 1.0
        np.maximum(both, _SHORTEST, out=both)
        return both[: count + 1], both[count + 1 :]


def added_times(terms: Terms, places: int) -> Array:
    """The times (parts, k, s, n) [us] that all parts add, at k places of the hosts."""
    added = np.empty((len(PART_TIMES), places, len(terms.sets), len(terms.table)))
    for row, (_, time) in zip(added, PART_TIMES, strict=True):
        row[...] = terms.added(time)
    return added


@dataclass(frozen=True)
class PriorTable:
    """What the prior says of n scenarios.

    retained: (n,); factors: (n, len(PARTS)), their product is retained;
    resource_retained: (n, 4), NaN where a resource is not asked for; shares: (n, 4) of native
    time; op_us: (n,) native time of one operation [us].
    """

    retained: Array
    factors: Array
    resource_retained: Array
    shares: Array
    op_us: Array


def evaluate_table(table: ScenarioTable, values: Constants | None = None) -> PriorTable:
    """The prior of a table of n scenarios under a set of constants (default `reference`)."""
    terms = Terms(table, ConstantSets([values or constants()]))
    native = Native(terms.native_us)
    slowed, resources = native.slowed(added_times(terms, 1))
    return PriorTable(
        retained=1.0 / slowed[-1, 0, 0],
        factors=(slowed[:-1] / slowed[1:])[:, 0, 0].T,
        resource_retained=1.0 / resources[:, 0, 0].T,
        shares=(native.by_resource / native.total)[:, 0].T,
        op_us=native.total[0],
    )


def evaluate(scenarios: Sequence[Scenario], values: Constants | None = None) -> PriorTable:
    """The prior of scenarios (n,), unknown host fields at the middle of their range."""
    return evaluate_table(scenario_table(scenarios), values)
