"""The predictor that is served: prior, residual, interval, evidence and novelty from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, Entry, constants, moved
from features.encoder import encode, encoded_log_prior
from features.integration import ExpectedPrior, expected_prior
from features.scenario import Scenario
from features.score import weighted_score
from features.table import scenario_table
from features.vocabulary import RESOURCES
from models.calibration import Bounds, Calibration, scale_features
from models.conditioning import (
    Observation,
    Own,
    Posterior,
    condition,
    own_source,
    posterior,
    resource_codes,
    told,
)
from models.evidence import (
    Known,
    Record,
    find_evidence,
    find_novelty,
    known_of,
    own_reason,
    records_of,
)
from models.instance import estimate_instance
from models.kernel import Amplitudes, Points, mechanism_sets
from models.narrowing import Narrowing
from models.novelty import nearness, unknown_error
from models.prediction import Evidence, Novelty, Prediction
from models.rows import Rows, make_rows, residual_limit

Array = NDArray[np.float64]

# Native keeps 1 by definition; what is left is the spread of repeats.
_NATIVE_HALF_WIDTH = 0.02


@dataclass(frozen=True)
class Predictor:
    """Arrays of a fitted residual model with its calibration, and what the rows were.

    precision: (n, n) inverse covariance of the rows; alpha: (n,). With `use_residual` false the
    prior alone answers, under its own calibration. positions: where in their ranges the rows have
    moved the prior's constants (features.constants.moved); none leaves them at the reference's.
    """

    rows: Rows
    records: tuple[Record, ...]
    amplitudes: Amplitudes
    precision: Array
    alpha: Array
    calibration: Calibration
    narrowing: Narrowing
    novelty_threshold: float
    use_residual: bool
    version: str
    trained_at: str
    card: Mapping[str, Any] = field(default_factory=dict)
    positions: Mapping[Entry, float] = field(default_factory=dict)

    @cached_property
    def constants(self) -> Constants | None:
        """The set `fitted` that its prior uses; None for the reference's."""
        return moved(self.positions) if self.positions else None

    @cached_property
    def known(self) -> Known:
        """What the training rows have measured."""
        return known_of(self.records)

    @cached_property
    def measured(self) -> Array:
        """The runtimes with mechanisms (k, COLUMNS) that the training rows have measured."""
        flags = [r.origin == "measured" for r in self.records]
        return mechanism_sets(self.rows.points.encoding[flags])

    @property
    def learned(self) -> Array:
        """What the rows move the mean by (n,): nothing where the prior alone is served."""
        return self.alpha if self.use_residual else np.zeros_like(self.alpha)

    def condition(self, observations: Sequence[Observation]) -> Own | None:
        """A caller's own rows as what predictions are conditioned on; None without any."""
        if not observations:
            return None
        source = [own_source(self.rows)] * len(observations)
        rows = make_rows(observations, source, source)
        points, prior = self.points_of([o.scenario for o in observations])
        expected = self.calibration.scale(features_at(points, prior, posterior(self, points)))
        own = replace(rows, points=points, log_prior=prior.log_retained)
        return condition(self, own, expected, self.narrowing.scatter)

    def points_of(self, scenarios: Sequence[Scenario]) -> tuple[Points, ExpectedPrior]:
        """Scenarios (n) as points of the source that own rows share, and their prior."""
        encoding, prior = encode(scenarios, self.constants)
        source = np.full(len(encoding), own_source(self.rows))
        return Points(encoding, source, resource_codes(scenarios)), prior

    def predict(
        self,
        scenarios: Sequence[Scenario],
        *,
        level: float = 0.9,
        observations: Sequence[Observation] = (),
    ) -> list[Prediction]:
        """A prediction for each scenario, all in one vectorised pass.

        `observations` are measurements of the rig that the scenarios are asked for. They
        condition these predictions and are kept nowhere. Raises ValueError when the level is not
        inside (0, 1).
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1, not {level}")
        if not scenarios:
            return []
        points, prior = self.points_of(scenarios)
        encoding = points.encoding
        found = posterior(self, points)
        features = features_at(points, prior, found)
        expected = self.calibration.scale(features)
        own = self.condition(observations)
        if own is not None:
            found = told(self, points, found, own, expected)
        log_prior = prior.log_retained
        mean = np.minimum(found.mean, residual_limit(log_prior))
        held = self.narrowing.bounds(
            self.calibration, features, log_prior + mean, level, found.narrowed
        )
        novelty = self._novelty(encoding, expected, found, own)
        native = encoding[:, 0] == 0
        bounds = Bounds(
            np.where(native, _NATIVE_HALF_WIDTH, held.below),
            np.where(native, _NATIVE_HALF_WIDTH, held.above),
        )
        ranges = _ranges(scenarios, prior)
        mine = records_of(observations)
        records, known = [*self.records, *mine], self.known.and_of(known_of(mine))
        return [
            self._one(
                i,
                scenario,
                prior,
                mean[i],
                bounds,
                level,
                self._told(i, scenario, prior, found, novelty[i], records, known),
                ranges,
            )
            for i, scenario in enumerate(scenarios)
        ]

    def _novelty(
        self, encoding: Array, expected: Array, found: Posterior, own: Own | None
    ) -> Array:
        """What is unknown (n,) of the expected size of errors (n,); own rows are known too."""
        measured = self.measured
        if own is not None:
            measured = np.vstack([measured, own.rows.points.encoding])
        near = nearness(encoding, measured, self.amplitudes.mechanism_length)
        return unknown_error(expected, found.carried * found.narrowed**2, near)

    def _told(
        self,
        i: int,
        scenario: Scenario,
        prior: ExpectedPrior,
        found: Posterior,
        score: float,
        records: Sequence[Record],
        known: Known,
    ) -> tuple[tuple[Evidence, ...], Novelty]:
        """Evidence and novelty of one answer; the records beyond the training rows are own rows."""
        log_prior = prior.log_retained[i : i + 1]

        def without(row: int) -> float:
            mean = np.minimum(found.without(i, row), residual_limit(log_prior))
            return float(np.exp(log_prior + mean)[0])

        evidence = find_evidence(records, found.weights[i], without)
        novelty = find_novelty(scenario, score, self.novelty_threshold, known, evidence)
        own = len(records) - len(self.records)
        if own and scenario.runtime != "native":
            said = own_reason(found.weights[i], own, float(found.narrowed[i]))
            novelty = replace(novelty, reasons=(*novelty.reasons, said))
        return evidence, novelty

    def _one(
        self,
        i: int,
        scenario: Scenario,
        prior: ExpectedPrior,
        mean: float,
        bounds: Bounds,
        level: float,
        told: tuple[tuple[Evidence, ...], Novelty],
        ranges: tuple[Array, Array, Array, Array],
    ) -> Prediction:
        log_retained = prior.log_retained[i] + mean
        residual = float(np.exp(mean))
        below, above = bounds.below[i], bounds.above[i]
        low, high = float(np.exp(log_retained - below)), float(np.exp(log_retained + above))
        resources = {}
        for r, name in enumerate(RESOURCES):
            kept = prior.log_resources[i, r] + mean
            if np.isfinite(kept):
                ends = np.exp([kept, kept - below, kept + above])
                resources[name] = (float(ends[0]), float(ends[1]), float(ends[2]))
        demands = scenario.resolved_demands
        score = weighted_score(
            [demands[name] for name in resources], [kept for kept, _, _ in resources.values()]
        )
        evidence, novelty = told
        worst, best, whole_worst, whole_best = ranges
        return Prediction(
            scenario=scenario,
            retained=float(np.exp(log_retained)),
            interval=(low, high),
            level=level,
            part_factors=tuple(np.exp(prior.log_factors[i]).tolist()),
            part_ranges=tuple(zip(worst[i].tolist(), best[i].tolist(), strict=True)),
            prior_range=(float(whole_worst[i]), float(whole_best[i])),
            residual_factor=residual,
            weighted_score=float(score),
            resources=resources,
            novelty=novelty,
            evidence=evidence,
            instance=estimate_instance(scenario, self.card.get("instances", {}), level=level),
            version=self.version,
            trained_at=self.trained_at,
        )


def features_at(points: Points, prior: ExpectedPrior, found: Posterior) -> Array:
    """The scale model's features of points (m) that own rows have not moved."""
    return scale_features(
        points.encoding,
        encoded_log_prior(points.encoding),
        found.variance + prior.host_spread**2,
        prior.host_spread,
    )


def _ranges(
    scenarios: Sequence[Scenario], prior: ExpectedPrior
) -> tuple[Array, Array, Array, Array]:
    """The parts' factors (n, parts) and the prior's retained (n,) at the pessimistic and the
    optimistic end of all constants, ordered so that they enclose the value."""
    table = scenario_table(scenarios)
    worst = expected_prior(table, constants("pessimistic"))
    best = expected_prior(table, constants("optimistic"))
    stack = np.stack([worst.log_factors, best.log_factors, prior.log_factors])
    whole = np.stack([worst.log_retained, best.log_retained, prior.log_retained])
    return (
        np.exp(stack.min(axis=0)),
        np.exp(stack.max(axis=0)),
        np.exp(whole.min(axis=0)),
        np.exp(whole.max(axis=0)),
    )
