"""What the analytic models say of scenarios: times add up, part by part.

An operation's native time is the sum of its demands; each mechanism adds time to some of them.
Retained is native time over isolated time. The parts are the factors by which each mechanism
divides it, in the order below, so that they multiply to the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True)
class Times:
    """Times [us] of n scenarios under s sets of constants at k places in their hosts' ranges.

    native: (resources, s, n) of one operation; added: (parts, k, s, n) by each part.
    """

    native: Array
    added: Array

    @classmethod
    def of(
        cls, table: ScenarioTable, sets: ConstantSets, host: Mapping[str, Array] | None = None
    ) -> Times:
        """Evaluate all parts; `host` stands in place of the table's: field -> (k, 1, n)."""
        terms = Terms(table, sets, host)
        places = 1 if host is None else max(v.shape[0] if v.ndim > 2 else 1 for v in host.values())
        added = np.empty((len(PART_TIMES), places, len(sets), len(table)))
        for row, (_, time) in zip(added, PART_TIMES, strict=True):
            row[...] = terms.added(time)
        return cls(terms.native_us, added)

    def slowed(self) -> Array:
        """Time of an operation in units of its native time, before the first part and after each:
        (parts + 1, k, s, n)."""
        slowed = np.empty((len(self.added) + 1, *self.added.shape[1:]))
        slowed[0] = 1.0
        np.cumsum(self.added / self.native.sum(axis=0), axis=0, out=slowed[1:])
        slowed[1:] += 1.0
        # Gains never make an operation shorter than a thousandth of its native time.
        return np.maximum(slowed, 1e-3, out=slowed)

    def resource_slowed(self) -> Array:
        """The same of each resource (resources, k, s, n), NaN where it is not asked for; time
        added to one not asked for counts to the largest."""
        count, *shape = self.added.shape
        flat = _TO_RESOURCE @ self.added.reshape(count, -1)
        per_resource = flat.reshape(len(RESOURCES), *shape)
        native = self.native[:, None]
        idle = native <= 0.0
        if idle.any():
            stray = np.where(idle, per_resource, 0.0).sum(axis=0)
            largest = native.argmax(axis=0) == np.arange(len(RESOURCES))[:, None, None, None]
            per_resource = np.where(idle, np.nan, per_resource) + np.where(largest, stray, 0.0)
            native = np.where(idle, 1.0, native)
        slowed: Array = np.maximum(1.0 + per_resource / native, 1e-3)
        return slowed


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
    times = Times.of(table, ConstantSets([values or constants()]))
    slowed = times.slowed()[:, 0, 0]
    native = times.native[:, 0]
    total = native.sum(axis=0)
    return PriorTable(
        retained=1.0 / slowed[-1],
        factors=(slowed[:-1] / slowed[1:]).T,
        resource_retained=1.0 / times.resource_slowed()[:, 0, 0].T,
        shares=(native / total).T,
        op_us=total,
    )


def evaluate(scenarios: Sequence[Scenario], values: Constants | None = None) -> PriorTable:
    """The prior of scenarios (n,), unknown host fields at the middle of their range."""
    return evaluate_table(scenario_table(scenarios), values)
