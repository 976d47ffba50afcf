"""The predictor that is served: prior, residual, interval, evidence and novelty from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, Entry, constants, moved
from features.encoder import encode, encoded_log_prior
from features.integration import ExpectedPrior, expected_prior
from features.scenario import HOST_FIELDS, Scenario
from features.score import weighted_score
from features.table import UNKNOWN_RANGES, scenario_table
from features.vocabulary import RESOURCES, vocabulary
from models.calibration import Bounds, Calibration, scale_features
from models.gaussian import cross_terms
from models.instance import estimate_instance
from models.kernel import Amplitudes, Points, combine, self_variance
from models.prediction import Evidence, Novelty, Prediction
from models.rows import NOISE_CLEAN, Rows, noise_share, residual_limit

Array = NDArray[np.float64]

EVIDENCE_ROWS = 5
# Native keeps 1 by definition; what is left is the spread of repeats.
_NATIVE_HALF_WIDTH = 0.02
_NO_SOURCE = -1


@dataclass(frozen=True)
class Record:
    """What evidence tells of one training row."""

    source: str
    citation: str
    scenario: Mapping[str, Any]
    baseline: str
    retained: float
    origin: str


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
    novelty_threshold: float
    use_residual: bool
    version: str
    trained_at: str
    card: Mapping[str, Any] = field(default_factory=dict)
    positions: Mapping[Entry, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        measured = [r for r in self.records if r.origin == "measured"]
        words = vocabulary().workloads
        pairs = {(r.scenario["runtime"], str(r.scenario.get("workload"))) for r in measured}
        # A family is asked for by its name; a measurement of one of its leaves speaks for it.
        pairs |= {(runtime, words[leaf].family) for runtime, leaf in pairs if leaf in words}
        options = {
            (r.scenario["runtime"], key, value)
            for r in measured
            for key, value in r.scenario.get("mechanisms", {}).items()
        }
        fitted = moved(self.positions) if self.positions else None
        object.__setattr__(self, "_constants", fitted)
        object.__setattr__(self, "_measured_pairs", pairs)
        object.__setattr__(self, "_measured_options", options)

    @property
    def constants(self) -> Constants | None:
        """The set `fitted` that its prior uses; None for the reference's."""
        return self._constants  # type: ignore[attr-defined]

    def predict(self, scenarios: Sequence[Scenario], *, level: float = 0.9) -> list[Prediction]:
        """A prediction for each scenario, all in one vectorised pass.

        Raises ValueError when the level is not inside (0, 1).
        """
        if not 0.0 < level < 1.0:
            raise ValueError(f"level must be between 0 and 1, not {level}")
        if not scenarios:
            return []
        encoding, prior = encode(scenarios, self.constants)
        mean, variance, ratio, weights = self._residual(encoding)
        mean = np.minimum(mean, residual_limit(prior.log_retained))
        features = scale_features(
            encoding,
            encoded_log_prior(encoding),
            variance + prior.host_spread**2,
            prior.host_spread,
        )
        found = self.calibration.bounds(features, prior.log_retained + mean, level)
        native = encoding[:, 0] == 0
        bounds = Bounds(
            np.where(native, _NATIVE_HALF_WIDTH, found.below),
            np.where(native, _NATIVE_HALF_WIDTH, found.above),
        )
        ranges = _ranges(scenarios, prior)
        return [
            self._one(i, scenario, prior, mean[i], bounds, level, ratio[i], weights[i], ranges)
            for i, scenario in enumerate(scenarios)
        ]

    def _residual(self, encoding: Array) -> tuple[Array, Array, Array, Array]:
        """Mean and predictive variance (m,) of the log residual of a new source's measurement,
        the share (m,) of the carried-over variance that is left, and the rows' weights (m, n)."""
        codes = np.full(len(encoding), _NO_SOURCE)
        terms = cross_terms(Points(encoding, codes, codes), self.rows, self.amplitudes)
        general, _ = combine(terms, self.amplitudes)
        weights = general @ self.precision
        prior_variance, whole = self_variance(encoding, self.amplitudes)
        left = np.clip(prior_variance - np.einsum("ij,ij->i", weights, general), 0.0, None)
        ratio = np.divide(left, prior_variance, out=np.zeros_like(left), where=prior_variance > 0)
        mean = general @ self.alpha if self.use_residual else np.zeros(len(encoding))
        noise = NOISE_CLEAN * noise_share(encoded_log_prior(encoding))
        variance = left + (whole - prior_variance) + noise**2
        return mean, variance, ratio, weights

    def _one(
        self,
        i: int,
        scenario: Scenario,
        prior: ExpectedPrior,
        mean: float,
        bounds: Bounds,
        level: float,
        ratio: float,
        weights: Array,
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
        evidence = self._evidence(weights)
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
            novelty=self._novelty(scenario, ratio, evidence),
            evidence=evidence,
            instance=estimate_instance(scenario, self.card.get("instances", {}), level=level),
            version=self.version,
            trained_at=self.trained_at,
        )

    def _evidence(self, weights: Array) -> tuple[Evidence, ...]:
        size = np.abs(weights)
        total = size.sum()
        if total <= 0.0:
            return ()
        places = np.argpartition(size, -EVIDENCE_ROWS * 4)[-EVIDENCE_ROWS * 4 :]
        places = places[np.argsort(-size[places])]
        told = [p for p in places if self.records[p].origin != "synthetic"][:EVIDENCE_ROWS]
        return tuple(
            Evidence(
                self.records[p].source,
                self.records[p].citation,
                self.records[p].scenario,
                self.records[p].retained,
                float(size[p] / total),
                self.records[p].baseline,
            )
            for p in told
        )

    def _novelty(self, scenario: Scenario, ratio: float, evidence: tuple[Evidence, ...]) -> Novelty:
        if scenario.runtime == "native":
            return Novelty(0.0, False)
        reasons = []
        if (scenario.runtime, scenario.workload) not in self._measured_pairs:  # type: ignore[attr-defined]
            near = ""
            if evidence:
                found = evidence[0].scenario
                near = f"; nearest: {found['runtime']}, {found.get('workload', 'own demands')}"
                near += f" ({evidence[0].source})"
            reasons.append(f"no measurement of {scenario.runtime} with {scenario.workload}{near}")
        for key, value in scenario.mechanisms.items():
            option = (scenario.runtime, key, value)
            if option not in self._measured_options:  # type: ignore[attr-defined]
                reasons.append(f"no measurement of {scenario.runtime} with {key}={value}")
        extrapolating = bool(ratio > self.novelty_threshold or reasons)
        for name in HOST_FIELDS:
            if getattr(scenario, name) is None:
                low, high = UNKNOWN_RANGES[name]
                reasons.append(f"{name} is unknown: integrated from {low:g} to {high:g}")
        return Novelty(float(ratio), extrapolating, tuple(reasons))


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
