"""The predictor that is served: prior, residual, interval, evidence and novelty from arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from math import exp
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from features.constants import (
    Constant,
    Constants,
    ConstantSets,
    Entry,
    constants,
    moved,
    replaced,
)
from features.encoder import encode, encoding_of
from features.integration import ExpectedPrior
from features.recorded import Priors
from features.scenario import Scenario
from features.table import scenario_table
from models.calibration import Calibration
from models.carried import Carried, Said, largest_weights
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
    Cited,
    Known,
    Record,
    find_evidence,
    find_novelty,
    known_of,
    own_reason,
    records_of,
)
from models.figures import REFERENCE, USED, Figures
from models.instance import Instances
from models.judging import features_at
from models.kernel import Amplitudes, Points
from models.narrowing import Narrowing
from models.novelty import Nearest, unknown_error
from models.prediction import Evidence, Novelty, Prediction
from models.rows import Rows, make_rows, residual_limit

Array = NDArray[np.float64]

# Scenarios answered at once: what their arrays take stays in the caches.
CHUNK = 512
# Native keeps 1 by definition; what is left is the spread of repeats.
NATIVE_HALF_WIDTH = 0.02


@dataclass(frozen=True)
class Predictor:
    """Arrays of a fitted residual model with its calibration, and what the rows were.

    precision: (n, n) inverse covariance of the rows; alpha: (n,). Under the basis model the rows
    are its centres. With `use_residual` false the prior alone answers, under its own calibration.
    known, mechanisms: what any row has measured, the latter as encoded sets (k, ...). positions:
    where in their ranges the rows have moved the prior's constants (features.constants.moved);
    none leaves them at the reference's.
    own: a host's constants in place of its prior's, for its answers alone (`on_host`).
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
    known: Known
    mechanisms: Array
    version: str
    trained_at: str
    card: Mapping[str, Any] = field(default_factory=dict)
    positions: Mapping[Entry, float] = field(default_factory=dict)
    own: Mapping[Entry, Constant] = field(default_factory=dict)

    def on_host(self, own: Mapping[Entry, Constant]) -> Predictor:
        """The same predictor, whose answers use a host's own constants: what it has learned is
        left as it is, and its residual is added to that host's prior."""
        return replace(self, own=own)

    @cached_property
    def constants(self) -> Constants | None:
        """The set that its prior uses, `fitted` or a host's; None for the reference's."""
        fitted = moved(self.positions) if self.positions else None
        return replaced(fitted or constants(), self.own) if self.own else fitted

    @cached_property
    def learned(self) -> Array:
        """What the rows move the mean by (n,): nothing where the prior alone is served."""
        return self.alpha if self.use_residual else np.zeros_like(self.alpha)

    @cached_property
    def pull(self) -> Array:
        """How far a unit of weight on a row moves the mean (n,)."""
        return self.learned / self.diagonal

    @cached_property
    def diagonal(self) -> Array:
        """That of the precision (n,), which lies scattered in it."""
        return self.precision.diagonal().copy()

    @cached_property
    def carried(self) -> Carried:
        """The rows as they speak of other sources."""
        return Carried(self.rows, self.amplitudes, self.precision, self.learned)

    @cached_property
    def nearest(self) -> Nearest:
        """The runtimes with mechanisms that the training rows have measured."""
        return Nearest(self.mechanisms, self.amplitudes.mechanism_length)

    @cached_property
    def instances(self) -> Instances:
        """What instances cost their host, by the card."""
        return Instances(self.card.get("instances", {}))

    @cached_property
    def _priors(self) -> Priors:
        """The priors of an answer: under the reference's constants, those that its own prior
        uses, and both ends of all ranges."""
        ends = [replaced(constants(end), self.own) for end in ("pessimistic", "optimistic")]
        return Priors(ConstantSets([constants(), self.constants or constants(), *ends]))

    @cached_property
    def _cited(self) -> WeakKeyDictionary[Said, Cited]:
        """Evidence of what has been said before."""
        return WeakKeyDictionary()

    def condition(self, observations: Sequence[Observation]) -> Own | None:
        """A caller's own rows as what predictions are conditioned on; None without any."""
        if not observations:
            return None
        source = [self._own_source] * len(observations)
        rows = make_rows(observations, source, source, self.constants)
        features = features_at(rows.points, rows.host_spread, posterior(self, rows.points))
        expected = self.calibration.scale(features)
        return condition(self, rows, expected, self.narrowing.scatter)

    def points_of(self, scenarios: Sequence[Scenario]) -> tuple[Points, ExpectedPrior]:
        """Scenarios (n) as points of the source that own rows share, and their prior."""
        encoding, prior = encode(scenarios, self.constants)
        return self._points(scenarios, encoding), prior

    def _points(self, scenarios: Sequence[Scenario], encoding: Array) -> Points:
        source = np.full(len(encoding), self._own_source)
        return Points(encoding, source, resource_codes(scenarios))

    @cached_property
    def _own_source(self) -> int:
        return own_source(self.rows)

    def predict(
        self,
        scenarios: Sequence[Scenario],
        *,
        level: float = 0.9,
        observations: Sequence[Observation] = (),
    ) -> list[Prediction]:
        """A prediction for each scenario, vectorised, in chunks that bound its memory.

        `observations` are measurements of the rig that the scenarios are asked for. They
        condition these predictions and are kept nowhere. Raises ValueError when the level is not
        inside (0, 1).
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1, not {level}")
        own = self.condition(observations)
        mine = records_of(observations)
        record = _Told(
            (*self.records, *mine) if mine else self.records,
            self.known.and_of(known_of(mine)) if mine else self.known,
            len(mine),
        )
        found: list[Prediction] = []
        for start in range(0, len(scenarios), CHUNK):
            found += self._answers(scenarios[start : start + CHUNK], level, own, record)
        return found

    def _answers(
        self, scenarios: Sequence[Scenario], level: float, own: Own | None, record: _Told
    ) -> list[Prediction]:
        table = scenario_table(scenarios)
        priors = self._priors.of(scenarios, table)
        prior = priors[USED]
        encoding = encoding_of(table, priors[REFERENCE], prior)
        points = self._points(scenarios, encoding)
        found = posterior(self, points)
        features = features_at(points, prior.host_spread, found)
        expected = self.calibration.scale(features)
        if own is not None:
            found = told(self, points, found, own, expected)
        limit = residual_limit(prior.log_retained)
        mean = np.minimum(found.mean, limit)
        log_retained = prior.log_retained + mean
        if own is None:
            held = self.calibration.bounds(expected, log_retained, level)
        else:
            held = self.narrowing.bounds(
                self.calibration, expected, log_retained, level, found.narrowed
            )
        native = encoding[:, 0] == 0
        below = np.where(native, NATIVE_HALF_WIDTH, held.below)
        above = np.where(native, NATIVE_HALF_WIDTH, held.above)
        numbers = Figures.of(priors, table, mean, below, above)
        # A caller's own rows are known too.
        near = self.nearest.of(encoding, None if own is None else own.rows.points.encoding)
        scores = unknown_error(expected, found.carried * found.narrowed**2, near)
        said = self._told(scenarios, found, scores, prior.log_retained, limit, record)
        return [
            Prediction(
                scenario=scenario,
                retained=retained,
                interval=(low, high),
                level=level,
                part_factors=factors,
                part_low=part_low,
                part_high=part_high,
                prior_range=(worst, best),
                residual_factor=residual,
                weighted_score=score,
                resources=resources,
                novelty=novelty,
                evidence=evidence,
                instance=self.instances.of(scenario, level=level),
                version=self.version,
                trained_at=self.trained_at,
            )
            for (
                scenario,
                (retained, low, high, residual, score, worst, best),
                factors,
                part_low,
                part_high,
                resources,
                (evidence, novelty),
            ) in zip(
                scenarios,
                numbers.answers,
                numbers.factors,
                numbers.low,
                numbers.high,
                numbers.resources,
                said,
                strict=True,
            )
        ]

    def _told(
        self,
        scenarios: Sequence[Scenario],
        found: Posterior,
        scores: Array,
        log_prior: Array,
        limit: Array,
        told: _Told,
    ) -> Iterator[tuple[tuple[Evidence, ...], Novelty]]:
        """Evidence and novelty of each answer; the records beyond the training rows are own."""
        numbers = (log_prior.tolist(), limit.tolist(), found.mean.tolist(), scores.tolist())
        for i, (scenario, base, most, mean, score) in enumerate(
            zip(scenarios, *numbers, strict=True)
        ):
            cited = self._cite(found, i, told)
            evidence = cited.told(exp(base + min(mean - cited.moved, most)))
            novelty = find_novelty(scenario, score, self.novelty_threshold, told.known, evidence)
            if told.own and scenario.runtime != "native":
                said = own_reason(found.weights[i], told.own, float(found.narrowed[i]))
                novelty = replace(novelty, reasons=(*novelty.reasons, said))
            yield evidence, novelty

    def _cite(self, found: Posterior, i: int, told: _Told) -> Cited:
        """The evidence of one answer; kept where the training rows alone are asked."""
        if told.own:
            largest = largest_weights(found.weights[i])
            return find_evidence(told.records, largest, partial(found.moved, i))
        said = found.said[i]
        cited = self._cited.get(said)
        if cited is None:
            cited = find_evidence(told.records, said.largest, partial(found.moved, i))
            self._cited[said] = cited
        return cited


@dataclass(frozen=True)
class _Told:
    """What evidence and novelty are told from: records and what they know, the last `own` of them
    the caller's."""

    records: Sequence[Record]
    known: Known
    own: int
