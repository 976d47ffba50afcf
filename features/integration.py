"""The prior of scenarios whose host is partly unknown: integrated over the unknown fields.

What is not known is spread log-uniformly over its stated range (features.table.UNKNOWN_RANGES)
and averaged in log retained; the spread about that average is the price of not knowing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants
from features.prior import evaluate_table
from features.scenario import HOST_FIELDS
from features.table import UNKNOWN_RANGES, ScenarioTable

Array = NDArray[np.float64]

# Equidistributed points of the unit cube: fractional parts of multiples of the powers of the
# generalised golden ratio in four dimensions (the positive root of x^5 = x + 1).
_GOLDEN = 1.1673039782614187
_NODES = 12


@dataclass(frozen=True)
class ExpectedPrior:
    """The integrated prior of n scenarios.

    log_retained: (n,); host_spread: (n,) standard deviation of log retained over the unknown
    host fields; log_factors: (n, parts), summing to log_retained; log_resources: (n, 4).
    """

    log_retained: Array
    host_spread: Array
    log_factors: Array
    log_resources: Array


def expected_prior(table: ScenarioTable, values: Constants | None = None) -> ExpectedPrior:
    """Integrate the prior of n scenarios over what is unknown of their hosts."""
    unknown = ~np.stack([table.known[f] for f in HOST_FIELDS], axis=1)
    partial = np.flatnonzero(unknown.any(axis=1))
    middle = evaluate_table(table, values)
    log_factors = np.log(middle.factors)
    log_resources = np.log(middle.resource_retained)
    spread = np.zeros(len(table))
    if len(partial):
        nodes = evaluate_table(_over_hosts(table.take(partial), unknown[partial]), values)
        shape = (len(partial), _NODES, -1)
        log_factors[partial] = np.log(nodes.factors).reshape(shape).mean(axis=1)
        log_resources[partial] = np.log(nodes.resource_retained).reshape(shape).mean(axis=1)
        spread[partial] = np.log(nodes.retained).reshape(shape[:2]).std(axis=1)
    return ExpectedPrior(log_factors.sum(axis=1), spread, log_factors, log_resources)


def _over_hosts(table: ScenarioTable, unknown: NDArray[np.bool_]) -> ScenarioTable:
    nodes = table.repeated(_NODES)
    steps = np.arange(1, _NODES + 1)
    for column, name in enumerate(HOST_FIELDS):
        unit = np.tile((0.5 + steps * _GOLDEN ** -(column + 1)) % 1.0, len(table))
        low, high = np.log(UNKNOWN_RANGES[name])
        drawn = np.exp(low + (high - low) * unit)
        spread_here = np.repeat(unknown[:, column], _NODES)
        nodes = nodes.with_host(name, np.where(spread_here, drawn, nodes.host[name]))
    return nodes
