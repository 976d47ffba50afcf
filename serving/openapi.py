"""The OpenAPI description of this room's routes, from the models that parse them."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from features.vocabulary import vocabulary
from serving.access import HEALTH
from serving.documents import Comparison, Error, Prediction
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
