"""The prior of scenarios whose host is partly unknown: integrated over the unknown fields.

What is not known is spread log-uniformly over its stated range (features.table.UNKNOWN_RANGES)
and averaged in log retained; the spread about that average is the price of not knowing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, ConstantSets, constants
from features.prior import PARTS, Times
from features.scenario import HOST_FIELDS
from features.table import UNKNOWN_RANGES, ScenarioTable
from features.vocabulary import RESOURCES

Array = NDArray[np.float64]

# Equidistributed points of the unit cube: fractional parts of multiples of the powers of the
# generalised golden ratio in four dimensions (the positive root of x^5 = x + 1).
_GOLDEN = 1.1673039782614187
_NODES = 12


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

    log_retained: (n,); host_spread: (n,) standard deviation of log retained over the unknown
    host fields; log_factors: (n, parts), summing to log_retained; log_resources: (n, 4).
    Of s sets of constants at once each has one axis more, the first.
    """

    log_retained: Array
    host_spread: Array
    log_factors: Array
    log_resources: Array

    def __getitem__(self, number: int) -> ExpectedPrior:
        """The prior of one of the sets."""
        return ExpectedPrior(
            self.log_retained[number],
            self.host_spread[number],
            self.log_factors[number],
            self.log_resources[number],
        )


def expected_prior(table: ScenarioTable, values: Constants | None = None) -> ExpectedPrior:
    """Integrate the prior of n scenarios over what is unknown of their hosts."""
    return expected_priors(table, ConstantSets([values or constants()]))[0]


def expected_priors(table: ScenarioTable, sets: ConstantSets) -> ExpectedPrior:
    """The same under s sets of constants at once."""
    partly = ~table.known.all(axis=0)
    if not partly.any():
        return averaged(Times.of(table, sets))
    if partly.all():
        return averaged(Times.of(table, sets, over_hosts(table)))
    shape = (len(sets), len(table))
    found = ExpectedPrior(
        np.empty(shape),
        np.empty(shape),
        np.empty((*shape, len(PARTS))),
        np.empty((*shape, len(RESOURCES))),
    )
    for group in (np.flatnonzero(partly), np.flatnonzero(~partly)):
        made = expected_priors(table.take(group), sets)
        found.log_retained[:, group] = made.log_retained
        found.host_spread[:, group] = made.host_spread
        found.log_factors[:, group] = made.log_factors
        found.log_resources[:, group] = made.log_resources
    return found


def over_hosts(table: ScenarioTable) -> dict[str, Array]:
    """The hosts of n scenarios at the nodes of what is unknown of them: field -> (nodes, 1, n),
    (n,) where it is known of all."""
    host = {}
    for name, nodes, known, given in zip(
        HOST_FIELDS, NODES, table.known, table.host_rows, strict=True
    ):
        drawn = np.where(known, given, nodes[:, None])
        host[name] = given if known.all() else drawn[:, None]
    return host


def averaged(times: Times) -> ExpectedPrior:
    """The averages over the places (k) of hosts at which times were worked out."""
    log_slowed, log_resources = np.log(times.slowed()), np.log(times.resource_slowed())
    _, places, sets, rows = log_slowed.shape
    spread = log_slowed[-1].std(axis=0) if places > 1 else np.zeros((sets, rows))
    by_part = log_slowed.mean(axis=1) if places > 1 else log_slowed[:, 0]
    by_resource = log_resources.mean(axis=1) if places > 1 else log_resources[:, 0]
    return ExpectedPrior(
        -by_part[-1],
        spread,
        np.moveaxis(by_part[:-1] - by_part[1:], 0, -1),
        np.moveaxis(-by_resource, 0, -1),
    )
