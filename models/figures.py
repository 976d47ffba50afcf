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

    answers: retained, low, high, residual factor, weighted score, and the ends of the prior's
    retained over the ranges of all constants; factors, low, high: of the parts, and their ends
    there, which hold them; resources: by name, (retained, low, high).
    """

    answers: Iterable[tuple[float, ...]]
    factors: list[list[float]]
    low: list[list[float]]
    high: list[list[float]]
    resources: Iterable[dict[str, tuple[float, float, float]]]

    @classmethod
    def of(
        cls, priors: ExpectedPrior, table: ScenarioTable, mean: Array, below: Array, above: Array
    ) -> Figures:
        """From the priors under an answer's sets, and the residual's mean and bounds (n,)."""
        prior = priors[USED]
        # Of each resource and of the whole: in the middle, and at both ends.
        kept = np.empty((3, len(RESOURCES) + 1, len(mean)))
        kept[0, :-1] = prior.log_resources.T
        kept[0, -1] = prior.log_retained
        kept[0] += mean
        np.subtract(kept[0], below, out=kept[1])
        np.add(kept[0], above, out=kept[2])
        np.exp(kept, out=kept)
        asked = np.where(np.isfinite(kept[0, :-1]), kept[0, :-1], 0.0)
        scores = weighted_score(table.demand_rows[_demand_places()].T, asked.T)
        factors = np.exp(priors.logs[USED:])
        # The reference's own set is not one of the ends.
        low, high = np.minimum.reduce(factors), np.maximum.reduce(factors)
        whole = (*kept[:, -1], np.exp(mean), scores, low[:, -1], high[:, -1])
        return cls(
            zip(*(numbers.tolist() for numbers in whole), strict=True),
            factors[0, :, :-1].tolist(),
            low[:, :-1].tolist(),
            high[:, :-1].tolist(),
            (
                # A resource that is not asked for is not a number.
                {name: (k, a, b) for name, k, a, b in zip(RESOURCES, *row, strict=True) if k == k}
                for row in zip(*kept[:, :-1].transpose(0, 2, 1).tolist(), strict=True)
            ),
        )


@cache
def _demand_places() -> list[int]:
    """Rows of a table's demands that are the resources' shares."""
    fields = list(vocabulary().demand_fields)
    return [fields.index(name) for name in RESOURCES]
