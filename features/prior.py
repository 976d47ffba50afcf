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

from features.constants import Constants, constants
from features.parts import calls, memory, network, overcommit, processor, storage
from features.parts.terms import Part, PartTime, Terms
from features.scenario import Scenario
from features.table import ScenarioTable, scenario_table
from features.vocabulary import RESOURCES

Array = NDArray[np.float64]

# Placement gives back of what the parts before it took.
_PARTS: tuple[PartTime, ...] = (
    *processor.COMPUTE,
    *calls.PARTS,
    *processor.EVENTS,
    *memory.PARTS,
    *overcommit.PARTS,
    *processor.PLACEMENT,
    *network.PARTS,
    *storage.PARTS,
)
PARTS: tuple[Part, ...] = tuple(part for part, _ in _PARTS)
_PART_RESOURCE = np.array([RESOURCES.index(p.resource) for p in PARTS])


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
    terms = Terms(table, values or constants())
    added = np.stack([terms.added(time) for _, time in _PARTS], axis=1)
    native = terms.native_us
    total = native.sum(axis=1)
    # Gains never make an operation shorter than a thousandth of its native time.
    running = np.maximum(total[:, None] + np.cumsum(added, axis=1), 1e-3 * total[:, None])
    before = np.concatenate([total[:, None], running[:, :-1]], axis=1)
    return PriorTable(
        retained=total / running[:, -1],
        factors=before / running,
        resource_retained=_by_resource(native, added),
        shares=native / total[:, None],
        op_us=total,
    )


def _by_resource(native: Array, added: Array) -> Array:
    """Retained (n, 4) of each resource; time added to one not asked for counts to the largest."""
    per_resource = np.stack(
        [added[:, r == _PART_RESOURCE].sum(axis=1) for r in range(len(RESOURCES))], axis=1
    )
    idle = native <= 0.0
    stray = np.where(idle, per_resource, 0.0).sum(axis=1)
    per_resource = np.where(idle, 0.0, per_resource)
    per_resource[np.arange(len(native)), native.argmax(axis=1)] += stray
    with np.errstate(invalid="ignore", divide="ignore"):
        retained = native / np.maximum(native + per_resource, 1e-3 * native)
    return np.where(idle, np.nan, retained)


def evaluate(scenarios: Sequence[Scenario], values: Constants | None = None) -> PriorTable:
    """The prior of scenarios (n,), unknown host fields at the middle of their range."""
    return evaluate_table(scenario_table(scenarios), values)
