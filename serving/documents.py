"""The documents that are answered, as OpenAPI tells of them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class Part(BaseModel):
    """What one effect of the runtime leaves of the performance."""

    name: str
    resource: str
    factor: float
    range: tuple[float, float] = Field(description="of it, over the ranges of all constants")
    formula: str
    source: str


class Resource(BaseModel):
    """What is kept of one resource."""

    retained: float
    interval: tuple[float, float]


class Novelty(BaseModel):
    """How far the scenario lies from every measurement."""

    score: float = Field(
        description="error expected for want of measurements; above 1 as for the most novel tenth "
        "of the measurements when their sources are left out"
    )
    extrapolating: bool
    reasons: list[str]


class Evidence(BaseModel):
    """A measurement that moved the prediction."""

    source: str = Field(description="`observations` for the caller's own measurements")
    citation: str
    scenario: dict[str, Any]
    baseline: str = Field(description="what it was compared with")
    retained: float
    weight: float
    without: float | None = Field(
        default=None, description="retained if it had not been measured; of the first alone"
    )


class Measured(BaseModel):
    """What sources measured: the median and the quantiles of all, the median of each."""

    median: float
    q10: float
    q90: float
    sources: dict[str, float]


class Estimate(BaseModel):
    """A figure in its own unit, its interval, and what is printed and measured of it."""

    value: float
    interval: tuple[float, float]
    reference: float | None
    measured: Measured | None


class Density(BaseModel):
    """Instances that fit into the memory of a host of host_gb."""

    value: int
    interval: tuple[int, int]
    reference: float | None
    host_gb: float = Field(description="the reference's where memory_gb is unknown")
    free_gb: float = Field(description="what they leave of it")
    merged_after_s: float | None = Field(description="one pass of KSM over it; null without KSM")


class Instance(BaseModel):
    """What one instance costs its host."""

    start_ms: Estimate
    memory_mb: Estimate
    density_per_host: Density


class Model(BaseModel):
    """Which model answered."""

    version: str
    trained_at: str


class Prediction(BaseModel):
    """Performance relative to bare metal: 1 is native, higher is better."""

    retained: float
    interval: tuple[float, float]
    level: float
    parts: list[Part]
    prior_range: tuple[float, float] = Field(
        description="of what the formulas alone retain, over the ranges of all constants"
    )
    residual_factor: float
    weighted_score: float
    resources: dict[str, Resource]
    novelty: Novelty
    evidence: list[Evidence]
    instance: Instance
    model: Model
    value: float | None = Field(default=None, description="present with native_value and unit")
    unit: str | None = None


class RuntimePrediction(Prediction):
    """A prediction of a comparison."""

    runtime: str


class Comparison(BaseModel):
    """One scenario under several runtimes, best first."""

    scenario: dict[str, Any]
    predictions: list[RuntimePrediction]


class Detail(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class Failure(BaseModel):
    """What went wrong."""

    code: str
    message: str
    details: list[Detail]


class Error(BaseModel):
    """The one shape of every failure."""

    error: Failure
