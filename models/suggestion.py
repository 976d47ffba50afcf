"""Which measurement on the asker's own rig would narrow the interval of a question the most.

Closed form: what is expected of a measurement is what is said of it now, so the variance it leaves
depends on where it is made alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.scenario import Scenario
from models.conditioning import Observation, joint_covariance, posterior, rig_variance, told
from models.judging import features_at
from models.predictor import Predictor
from models.rig import believed, scatter_variance
from models.rows import residual_limit

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Suggestion:
    """A scenario to measure. `interval` is what is expected then about the present answer,
    `width_ratio` its width in log retained over the present one."""

    scenario: Scenario
    interval: tuple[float, float]
    width_ratio: float


@dataclass(frozen=True)
class Suggestions:
    """What is known now, each candidate by itself, best first, and measurements that go together:
    each of `plan` is chosen beside those before it, and tells what holds after all of them."""

    retained: float
    interval: tuple[float, float]
    ranked: tuple[Suggestion, ...]
    plan: tuple[Suggestion, ...]


def suggest(
    predictor: Predictor,
    asked: Scenario,
    candidates: Sequence[Scenario],
    *,
    level: float = 0.9,
    observations: Sequence[Observation] = (),
    count: int = 1,
) -> Suggestions:
    """Rank candidates (c) by the variance that measuring one would leave of the asked scenario.

    `observations` are what was measured on the rig already; `count` measurements are planned
    greedily. Raises ValueError without a candidate.
    """
    if not candidates:
        raise ValueError("nothing can be measured")
    points, prior = predictor.points_of([asked, *candidates])
    own = predictor.condition(observations)
    before = posterior(predictor, points)
    features = features_at(points, prior.host_spread, before)
    expected = predictor.calibration.scale(features)
    found = before if own is None else told(predictor, points, before, own, expected)
    log_prior = prior.log_retained
    mean = np.minimum(found.mean[:1], residual_limit(log_prior[:1]))
    predicted = log_prior[:1] + mean
    whole = rig_variance(expected, predictor.narrowing.scatter)
    # What is measured is expected to show what is said of it now.
    noise = believed(scatter_variance(predictor.narrowing.scatter, expected[1:]))

    def ends(variance: Array) -> tuple[Array, Array]:
        """Both ends (m,) in log retained, where `variance` (m,) is left."""
        narrowed = np.sqrt(np.clip(variance / whole[0], 1e-9, 1.0))
        held = predictor.narrowing.bounds(
            predictor.calibration,
            np.repeat(expected[:1], len(variance)),
            np.repeat(predicted, len(variance)),
            level,
            narrowed,
        )
        return predicted - held.below, predicted + held.above

    present = whole[:1] * found.narrowed[:1] ** 2
    low, high = ends(present)
    width = float(high[0] - low[0])

    def suggestion(place: int, variance: float) -> Suggestion:
        below, above = ends(np.array([variance]))
        interval = (float(np.exp(below[0])), float(np.exp(above[0])))
        return Suggestion(candidates[place], interval, float(above[0] - below[0]) / width)

    spread = joint_covariance(predictor, points, expected, own)
    explained = _explained(spread, noise)
    order = np.argsort(-explained, kind="stable")
    return Suggestions(
        float(np.exp(predicted[0])),
        (float(np.exp(low[0])), float(np.exp(high[0]))),
        tuple(suggestion(int(c), float(present[0] - explained[c])) for c in order),
        tuple(suggestion(c, left) for c, left in _greedy(spread, noise, float(present[0]), count)),
    )


def _explained(spread: Array, noise: Array) -> Array:
    """The variance (c,) of the first point that measuring each of the others explains."""
    return spread[0, 1:] ** 2 / (spread.diagonal()[1:] + noise)


def _greedy(spread: Array, noise: Array, variance: float, count: int) -> list[tuple[int, float]]:
    """The best candidate beside those before it, up to `count`, with the variance then left."""
    chosen: list[tuple[int, float]] = []
    spread = spread.copy()
    for _ in range(min(count, len(noise))):
        explained = _explained(spread, noise)
        explained[[c for c, _ in chosen]] = -1.0
        best = int(np.argmax(explained))
        variance -= float(explained[best])
        chosen.append((best, variance))
        column = spread[:, best + 1].copy()
        spread -= np.outer(column, column) / (column[best + 1] + noise[best])
    return chosen
