"""The prior of scenarios whose host is partly unknown: integrated over the unknown fields.

What is not known is spread log-uniformly over its stated range (features.table.UNKNOWN_RANGES)
and averaged in log retained; the spread about that average is the price of not knowing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, ConstantSets, constants
from features.parts.terms import Terms
from features.prior import PARTS, Native, added_times
from features.scenario import HOST_FIELDS
from features.table import UNKNOWN_RANGES, ScenarioTable
from features.vocabulary import RESOURCES

Array = NDArray[np.float64]

# Equidistributed points of the unit cube: fractional parts of multiples of the powers of the
# generalised golden ratio in four dimensions (the positive root of x^5 = x + 1).
_GOLDEN = 1.1673039782614187
_NODES = 12
# Up to so many scenarios, all hosts at once take less time than known and unknown ones apart.
_FEW = 32


def _nodes() -> Array:
    """Values (host fields, nodes) that an unknown field takes."""
    steps = np.arange(1, _NODES + 1)
    unit = np.array([(0.5 + steps * _GOLDEN ** -(i + 1)) % 1.0 for i in range(len(HOST_FIELDS))])
    low, high = np.log([UNKNOWN_RANGES[name] for name in HOST_FIELDS]).T[:, :, None]
    nodes: Array = np.exp(low + (high - low) * unit)
    return nodes


NODES = _nodes()


@dataclass(frozen=True)
class ExpectedPrior:
    """The integrated prior of n scenarios.

    logs: (n, parts + 1) of the parts' factors and of retained, which is their product;
    host_spread: (n,) standard deviation of log retained over the unknown host fields;
    log_resources: (n, 4). Of s sets of constants at once each has one axis more, the first.
    """

    logs: Array
    host_spread: Array
    log_resources: Array

    @property
    def log_retained(self) -> Array:
        """(n,): the sum of log_factors."""
        return self.logs[..., -1]

    @property
    def log_factors(self) -> Array:
        """(n, parts)."""
        return self.logs[..., :-1]

    def __getitem__(self, number: int) -> ExpectedPrior:
        """The prior of one of the sets."""
        return ExpectedPrior(
            self.logs[number], self.host_spread[number], self.log_resources[number]
        )


def expected_prior(table: ScenarioTable, values: Constants | None = None) -> ExpectedPrior:
    """Integrate the prior of n scenarios over what is unknown of their hosts."""
    return expected_priors(table, ConstantSets([values or constants()]))[0]


def expected_priors(table: ScenarioTable, sets: ConstantSets) -> ExpectedPrior:
    """The same under s sets of constants at once."""
    partly = ~table.known.all(axis=0)
    if not partly.any() or partly.all() or len(table) <= _FEW:
        terms = Terms(table, sets, over_hosts(table))
        places = NODES.shape[1] if partly.any() else 1
        found = averaged(*Native(terms.native_us).slowed(added_times(terms, places)))
        # Of a known host the places are one place.
        found.host_spread[:, ~partly] = 0.0
        return found
    shape = (len(sets), len(table))
    found = ExpectedPrior(
        np.empty((*shape, len(PARTS) + 1)), np.empty(shape), np.empty((*shape, len(RESOURCES)))
    )
    for group in (np.flatnonzero(partly), np.flatnonzero(~partly)):
        made = expected_priors(table.take(group), sets)
        found.logs[:, group] = made.logs
        found.host_spread[:, group] = made.host_spread
        found.log_resources[:, group] = made.log_resources
    return found


def over_hosts(table: ScenarioTable) -> dict[str, Array]:
    """The hosts of n scenarios at the nodes of what is unknown of them: field -> (nodes, 1, n),
    (n,) where it is known of all."""
    host = dict(table.host)
    for i in np.flatnonzero(~table.known.all(axis=1)):
        drawn = np.where(table.known[i], table.host_rows[i], NODES[i, :, None])
        host[HOST_FIELDS[i]] = drawn[:, None]
    return host


def averaged(slowed: Array, resources: Array) -> ExpectedPrior:
    """The averages over the places (k) of hosts at which times are known (Native.slowed)."""
    log_slowed, log_resources = np.log(slowed), np.log(resources)
    places = slowed.shape[1]
    by_part, by_resource = log_slowed[:, 0], log_resources[:, 0]
    spread = np.zeros(by_part.shape[1:])
    if places > 1:
        by_part = np.add.reduce(log_slowed, axis=1) / places
        by_resource = np.add.reduce(log_resources, axis=1) / places
        apart = log_slowed[-1] - by_part[-1]
        spread = np.sqrt(np.add.reduce(apart * apart, axis=0) / places)
    logs = np.empty_like(by_part)
    np.subtract(by_part[:-1], by_part[1:], out=logs[:-1])
    np.negative(by_part[-1], out=logs[-1])
    return ExpectedPrior(
        logs.transpose(1, 2, 0), spread, np.negative(by_resource).transpose(1, 2, 0)
    )
