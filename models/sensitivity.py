"""How the prior of the rows moves with its constants, and where the rows move them.

Each constant with a range has a position in it: -1 its low end, 0 the reference's value, 1 its
high end (features.constants.moved). The log prior is taken as linear in the positions, with the
slope between the ends, so that the positions given the rows are those of a Bayesian linear model
beside the residual's kernel, in closed form for every source left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, Entry, adjustable, limits, moved, place_of, quantities
from features.integration import expected_prior
from features.scenario import Scenario
from features.table import ScenarioTable, scenario_table

Array = NDArray[np.float64]

# A constant that changes no row by more than this in log retained is left where it is.
_LEAST_SLOPE = 1e-3


@dataclass(frozen=True)
class RowPrior:
    """The prior of n rows as a function of its constants.

    table: the rows' scenarios and after them their baselines; baseline: (m,) the rows' numbers
    that the baselines belong to.
    """

    table: ScenarioTable
    baseline: NDArray[np.int64]

    @classmethod
    def of(cls, scenarios: Sequence[Scenario], baselines: Sequence[Scenario | None]) -> RowPrior:
        """Of rows and what each was measured against (None for bare metal)."""
        held = [i for i, b in enumerate(baselines) if b is not None and b.runtime != "native"]
        whole = [*scenarios, *(b for b in baselines if b is not None and b.runtime != "native")]
        return cls(scenario_table(whole), np.array(held, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.table) - len(self.baseline)

    def take(self, index: NDArray[np.int64]) -> RowPrior:
        """Of the rows of `index` (positions), with their baselines."""
        place = np.full(len(self), -1)
        place[index] = np.arange(len(index))
        kept = np.flatnonzero(place[self.baseline] >= 0)
        whole = np.concatenate([index, len(self) + kept])
        taken = RowPrior(self.table.take(whole), place[self.baseline[kept]])
        if "slopes" in self.__dict__:
            # A row's slopes are its own; working them out again takes longer than all else.
            entries, columns = self.slopes
            taken.__dict__["slopes"] = entries, columns[index]
        return taken

    def log_prior(self, values: Constants | None = None) -> Array:
        """Log retained (n,) of the prior, differences where a row is one."""
        return self._differences(expected_prior(self.table, values).log_retained)

    @cached_property
    def slopes(self) -> tuple[tuple[Entry, ...], Array]:
        """The p constants that matter to the rows, and how log prior moves with each: (n, p)."""
        base = expected_prior(self.table).log_retained
        entries, columns = [], []
        for entry in adjustable():
            column = self._differences(self._slope(entry, base))
            if np.abs(column).max(initial=0.0) > _LEAST_SLOPE:
                entries.append(entry)
                columns.append(column)
        return tuple(entries), np.array(columns).reshape(-1, len(self)).T

    @cached_property
    def limits(self) -> tuple[Array, Array]:
        """The lowest and highest positions (p,) of those constants."""
        low, high = np.array([limits(e) for e in self.slopes[0]]).reshape(-1, 2).T
        return low, high

    def _slope(self, entry: Entry, base: Array) -> Array:
        """Mean change (rows and baselines) of log prior towards the ends of one range."""
        quantity = quantities()[entry[0]]
        place = place_of(entry)
        touched = np.flatnonzero(self.table.code(quantity.by) == place)
        # The first entry is also what bare metal has, which every row is compared with.
        if place == 0:
            touched = np.arange(len(self.table))
        slope = np.zeros(len(self.table))
        if not len(touched):
            return slope
        part = self.table.take(touched)
        ends = [end for end in limits(entry) if end]
        for end in ends:
            here = expected_prior(part, moved({entry: end})).log_retained
            slope[touched] += (here - base[touched]) * end / len(ends)
        return slope

    def _differences(self, values: Array) -> Array:
        mine = values[: len(self)].copy()
        mine[self.baseline] -= values[len(self) :]
        return mine


@dataclass(frozen=True)
class Adaptation:
    """Constants learned from rows: the standard deviation of a position before they are seen, the
    slopes (n, p), and the weights of the rows' residuals without any left out.

    precision: (n, n) inverse covariance of the residual under the reference's constants; alpha:
    (n,) its product with that residual.
    """

    prior: RowPrior
    spread: float
    precision: Array
    alpha: Array

    @classmethod
    def learn(
        cls, prior: RowPrior, spread: float, covariance: Array, residual: Array
    ) -> Adaptation:
        """From the residual's own covariance (n, n), noise included, and the residual (n,)."""
        slopes = prior.slopes[1]
        whole = covariance + spread**2 * slopes @ slopes.T
        precision = np.linalg.inv(whole).astype(float)
        return cls(prior, spread, precision, precision @ residual)

    def positions(self, without: NDArray[np.int64] | None = None) -> Array:
        """Positions (p,) given the rows, or given those that are not left out."""
        slopes = self.prior.slopes[1]
        alpha = self.alpha
        if without is not None and len(without):
            block = self.precision[np.ix_(without, without)]
            alpha = alpha - self.precision[:, without] @ np.linalg.solve(block, alpha[without])
            alpha[without] = 0.0
        found = self.spread**2 * slopes.T @ alpha
        return np.clip(found, *self.prior.limits)

    def constants(self, positions: Array) -> Constants:
        """The set `fitted` at positions (p,)."""
        return moved(self.named(positions))

    def named(self, positions: Array) -> dict[Entry, float]:
        """Positions (p,) by constant."""
        return dict(zip(self.prior.slopes[0], positions.tolist(), strict=True))

    def leave_out(self, members: dict[int, NDArray[np.int64]]) -> LeftOut:
        """The log prior (n,) that rows of all but one group would have chosen, for each group."""
        positions = {g: self.positions(index) for g, index in members.items()}
        single = {g: self.prior.log_prior(self.constants(p)) for g, p in positions.items()}
        return LeftOut(self, members, positions, single)


class LeftOut:
    """Log prior (n,) under constants that never saw a group (`single`), and for another group left
    out besides (`pair`), by the slopes about the first."""

    def __init__(
        self,
        learned: Adaptation,
        members: dict[int, NDArray[np.int64]],
        positions: dict[int, Array],
        single: dict[int, Array],
    ) -> None:
        self._learned = learned
        self._members = members
        self._positions = positions
        self._pairs: dict[tuple[int, int], Array] = {}
        self.single = single

    def pair(self, g: int, h: int) -> Array:
        """Log prior (n,) of constants that saw neither group, worked out once."""
        if (g, h) not in self._pairs:
            both = np.concatenate([self._members[g], self._members[h]])
            step = self._learned.positions(both) - self._positions[g]
            self._pairs[g, h] = self.single[g] + self._learned.prior.slopes[1] @ step
        return self._pairs[g, h]
