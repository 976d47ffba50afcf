"""The numbers of many predictions at once, from the priors, the residual and its bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from features.integration import ExpectedPrior
from features.score import weighted_score
from features.table import ScenarioTable
from features.vocabulary import RESOURCES, vocabulary

Array = NDArray[np.float64]

# Places in the sets of constants of an answer; both ends of all ranges follow.
REFERENCE, USED = 0, 1


@dataclass(frozen=True)
class Figures:
    """The numbers of n answers, one entry an answer.

    answers: retained, low, high, residual factor and weighted score; factors: of the parts; ranges:
    (low, high) of each part's factor over the ranges of all constants, which hold the factor;
    whole_ranges: of the prior's retained; resources: by name, (retained, low, high).
    """

    answers: Iterable[tuple[float, ...]]
    factors: Iterable[list[float]]
    ranges: Iterable[Iterable[tuple[float, float]]]
    whole_ranges: Iterable[tuple[float, float]]
    resources: Iterable[dict[str, tuple[float, float, float]]]

    @classmethod
    def of(
        cls, priors: ExpectedPrior, table: ScenarioTable, mean: Array, below: Array, above: Array
    ) -> Figures:
        """From the priors under an answer's sets, and the residual's mean and bounds (n,)."""
        prior = priors[USED]
        middle, log_kept = prior.log_retained + mean, prior.log_resources.T + mean
        kept = np.exp(log_kept)
        demands = table.demand_rows[_demand_places()]
        scores = weighted_score(demands.T, np.where(np.isfinite(kept), kept, 0.0).T)
        factors, whole = np.exp(priors.log_factors), np.exp(priors.log_retained)
        # The reference's own set is not one of the ends.
        low, high = factors[USED:].min(axis=0), factors[USED:].max(axis=0)
        whole_low, whole_high = whole[USED:].min(axis=0), whole[USED:].max(axis=0)
        ends = (np.exp(a).tolist() for a in (middle, middle - below, middle + above, mean))
        kept_low, kept_high = np.exp(log_kept - below), np.exp(log_kept + above)
        rows = zip(kept.T.tolist(), kept_low.T.tolist(), kept_high.T.tolist(), strict=True)
        return cls(
            zip(*ends, scores.tolist(), strict=True),
            factors[USED].tolist(),
            map(zip, low.tolist(), high.tolist()),
            zip(whole_low.tolist(), whole_high.tolist(), strict=True),
            (
                # A resource that is not asked for is not a number.
                {name: (k, a, b) for name, k, a, b in zip(RESOURCES, *row, strict=True) if k == k}
                for row in rows
            ),
        )


@cache
def _demand_places() -> list[int]:
    """Rows of a table's demands that are the resources' shares."""
    fields = list(vocabulary().demand_fields)
    return [fields.index(name) for name in RESOURCES]
