"""The OpenAPI description of this room's routes, from the models that parse them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from features.vocabulary import vocabulary
from serving.access import HEALTH
from serving.page import PAGE
from serving.problems import BY_STATUS
from serving.recommend import EXAMPLE, Recommendation, RecommendBody
from serving.schema import MAX_SCENARIOS, CompareBody, PredictBody
from serving.suggest import EXAMPLE as SUGGEST_EXAMPLE
from serving.suggest import Advice, SuggestBody
from serving.words import Vocabulary

_REF = "#/components/schemas/{model}"
_TAG = "Predictions"
KEY = "key"
_KEY = {"type": "http", "scheme": "bearer", "description": "what NEARMETAL_API_KEY is set to"}

WEB_ON_GVISOR = {"runtime": "gvisor", "workload": "web", "cores": 8, "network_gbps": 10}
WEB = {"workload": "web", "cores": 8, "runtimes": ["container", "gvisor", "vm"]}


class Part(BaseModel):
    """What one effect of the runtime leaves of the performance."""

    name: str
    resource: str
    factor: float
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


def describe(base: dict[str, Any], version: str, locked: bool = False) -> dict[str, Any]:
    """BentoML's own description `base` with this room's routes in it; `locked` wants the key."""
    schemas = _schemas()
    infrastructure = {path: item for path, item in base.get("paths", {}).items() if "get" in item}
    for path, item in infrastructure.items():
        if path in HEALTH:
            item["get"]["security"] = []
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "nearmetal",
            "version": version,
            "description": "How much of its bare-metal performance a workload keeps.",
        },
        "servers": base.get("servers", []),
        "tags": [*base.get("tags", []), {"name": _TAG}],
        "paths": {**_paths(), **infrastructure},
        "security": [{KEY: []}] if locked else [],
        "components": {"schemas": schemas, "securitySchemes": {KEY: _KEY}},
    }


def _schemas() -> dict[str, Any]:
    models = (
        *(PredictBody, CompareBody, RecommendBody, SuggestBody),
        *(Prediction, Comparison, Recommendation, Advice, Vocabulary, Error),
    )
    _, made = models_json_schema([(m, "validation") for m in models], ref_template=_REF)
    schemas = made["$defs"]
    words = vocabulary()
    for body in ("PredictBody", "CompareBody", "RecommendBody", "SuggestBody", "ObservationBody"):
        fields = schemas[body]["properties"]
        if "runtime" in fields:
            fields["runtime"]["enum"] = list(words.runtimes)
        if "runtimes" in fields:
            _named(fields["runtimes"])["items"]["enum"] = list(words.runtimes)
        _named(fields["workload"])["enum"] = list(words.workloads)
        fields["mechanisms"] |= {
            "additionalProperties": False,
            "properties": {
                m.key: {"description": m.meaning, "enum": list(m.values)}
                for m in words.mechanisms.values()
            },
        }
        fields["demands"] |= {
            "additionalProperties": False,
            "properties": {
                d.key: {"type": "number", "minimum": d.low, "maximum": d.high}
                for d in words.demand_fields.values()
            },
        }
    return schemas


def _named(field: dict[str, Any]) -> dict[str, Any]:
    """The part of a field's schema that is not null."""
    choices: list[dict[str, Any]] = field.get("anyOf", [field])
    return next(choice for choice in choices if choice.get("type") != "null")


def _paths() -> dict[str, Any]:
    one, answer = {"$ref": _REF.format(model="PredictBody")}, _REF.format(model="Prediction")
    either = {"oneOf": [one, {"type": "array", "items": one, "maxItems": MAX_SCENARIOS}]}
    told = {"oneOf": [{"$ref": answer}, {"type": "array", "items": {"$ref": answer}}]}
    pair = {"$ref": _REF.format(model="CompareBody")}
    compared = {"$ref": _REF.format(model="Comparison")}
    unasked = (401, 429, 500, 503, 504)
    failures = (400, 401, 408, 413, 415, 422, 429, 500, 503, 504)
    return {
        "/predict": {
            "post": _operation(
                "predict",
                "Predict a scenario, or a list of them",
                told,
                failures,
                either,
                WEB_ON_GVISOR,
            )
        },
        "/compare": {
            "post": _operation(
                "compare", "Compare runtimes for a scenario", compared, failures, pair, WEB
            )
        },
        "/recommend": {
            "post": _operation(
                "recommend",
                "Recommend runtimes under constraints",
                {"$ref": _REF.format(model="Recommendation")},
                failures,
                {"$ref": _REF.format(model="RecommendBody")},
                EXAMPLE,
            )
        },
        "/suggest": {
            "post": _operation(
                "suggest",
                "What to measure on one's own rig to narrow an interval",
                {"$ref": _REF.format(model="Advice")},
                failures,
                {"$ref": _REF.format(model="SuggestBody")},
                SUGGEST_EXAMPLE,
            )
        },
        "/model": {"get": _operation("model", "The model card", {"type": "object"}, unasked)},
        "/vocabulary": {
            "get": _operation(
                "vocabulary",
                "The words of a scenario: runtimes, workloads, mechanisms and the host's ranges",
                {"$ref": _REF.format(model="Vocabulary")},
                (401, 429, 500, 504),
            )
        },
        PAGE: {"get": _PAGE},
    }


# The page needs no scenario and no model.
_PAGE = {
    "operationId": "explorer",
    "summary": "The page to explore predictions with",
    "tags": [_TAG],
    "responses": {
        "200": {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}}
    },
}


def _operation(
    name: str,
    summary: str,
    answer: dict[str, Any],
    failures: tuple[int, ...],
    body: dict[str, Any] | None = None,
    example: dict[str, Any] | None = None,
) -> dict[str, Any]:
    error = {"$ref": _REF.format(model="Error")}
    made: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "tags": [_TAG],
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": answer}}},
            **{
                str(status): {
                    "description": BY_STATUS[status][1],
                    "content": {"application/json": {"schema": error}},
                }
                for status in failures
            },
        },
    }
    if body is not None:
        content = {"application/json": {"schema": body, "example": example}}
        made["requestBody"] = {"required": True, "content": content}
    return made
