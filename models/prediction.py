"""A prediction: what a scenario keeps, how sure that is, and who says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from features.errors import Problem
from features.prior import PARTS
from features.scenario import Scenario
from models.instance import Instance

DEFAULT_LEVEL = 0.9
# The level lies above the first and not above the second.
LEVEL_RANGE = (0.5, 0.99)


def level_problems(level: float) -> list[Problem]:
    """What is wrong with an interval's level."""
    above, most = LEVEL_RANGE
    if above < level <= most:
        return []
    return [Problem("level", f"must be above {above} and at most {most}")]


@dataclass(frozen=True)
class Evidence:
    """A measurement that moved a prediction, and its share of all that moved it.

    without: what would be retained if it had not been measured; told of the first alone.
    """

    source: str
    citation: str
    scenario: Mapping[str, Any]
    retained: float
    weight: float
    baseline: str = "native"
    without: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The record of DESIGN's prediction document."""
        record = {
            "source": self.source,
            "citation": self.citation,
            "scenario": dict(self.scenario),
            "baseline": self.baseline,
            "retained": self.retained,
            "weight": self.weight,
        }
        if self.without is not None:
            record["without"] = self.without
        return record


@dataclass(frozen=True)
class Novelty:
    """How far a scenario lies from every measurement: the error expected for want of them, 1 at
    the limit that a tenth of the measurements pass when their sources are left out."""

    score: float
    extrapolating: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prediction:
    """Retained performance of one scenario.

    part_factors are those of features.prior.PARTS; their product, times residual_factor, is
    retained; part_low and part_high are their ends over the ranges of all constants. resources
    maps a resource to (retained, lower, upper); weighted_score is the reference's arithmetic mean
    of them (F15), in points. instance is what one costs its host.
    """

    scenario: Scenario
    retained: float
    interval: tuple[float, float]
    level: float
    part_factors: Sequence[float]
    part_low: Sequence[float]
    part_high: Sequence[float]
    prior_range: tuple[float, float]
    residual_factor: float
    weighted_score: float
    resources: Mapping[str, tuple[float, float, float]]
    novelty: Novelty
    evidence: tuple[Evidence, ...]
    instance: Instance
    version: str
    trained_at: str

    def as_dict(self) -> dict[str, Any]:
        """The prediction document; parts that change nothing are left out."""
        parts = [
            {
                "name": part.name,
                "resource": part.resource,
                "factor": factor,
                "range": [low, high],
                "formula": part.formula,
                "source": part.source,
            }
            for part, factor, low, high in zip(
                PARTS, self.part_factors, self.part_low, self.part_high, strict=True
            )
            if abs(factor - 1.0) > 1e-12 or abs(low - high) > 1e-12
        ]
        return {
            "retained": self.retained,
            "interval": list(self.interval),
            "level": self.level,
            "parts": parts,
            "prior_range": list(self.prior_range),
            "residual_factor": self.residual_factor,
            "weighted_score": self.weighted_score,
            "resources": {
                name: {"retained": kept, "interval": [low, high]}
                for name, (kept, low, high) in self.resources.items()
            },
            "novelty": {
                "score": self.novelty.score,
                "extrapolating": self.novelty.extrapolating,
                "reasons": list(self.novelty.reasons),
            },
            "evidence": [e.as_dict() for e in self.evidence],
            "instance": self.instance.as_dict(),
            "model": {"version": self.version, "trained_at": self.trained_at},
        }
