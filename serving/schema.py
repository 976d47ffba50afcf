"""Shape and ranges at the first door: a JSON document becomes a Question or a Comparison.

Names and host ranges are answered by Scenario; this module sees to types, to fields that no
one knows, and to the options of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict

from features.errors import InvalidInput, Problem, near_names
from features.scaling import LAWS
from features.scenario import HOST_RANGES
from features.vocabulary import vocabulary
from serving.questions import (
    DEFAULT_LEVEL,
    LEVEL_RANGE,
    MAX_NATIVE_VALUE,
    MAX_UNIT,
    OPTIONS,
    Comparison,
    Question,
    ask,
    ask_all,
)

MAX_SCENARIOS = 10_000
MAX_PROBLEMS = 50
# More than there are words; each unknown one is answered with a line.
MAX_ENTRIES = 100

# What is needed where pydantic finds another type.
_NEEDED = {
    "model_type": "a JSON object",
    "model_attributes_type": "a JSON object",
    "dict_type": "a JSON object",
    "list_type": "a list",
    "float_type": "a number",
    "string_type": "a text",
}

Finite = Annotated[float, Field(allow_inf_nan=False)]


def _host(name: str, meaning: str) -> Any:
    low, high = HOST_RANGES[name]
    extra: JsonDict = {"minimum": low, "maximum": high}
    return Field(
        default=None, description=f"{meaning}; unknown when absent", json_schema_extra=extra
    )


class _Scenario(BaseModel):
    """The fields that a prediction and a comparison share."""

    model_config = ConfigDict(extra="forbid", strict=True)

    workload: str | None = Field(
        default=None,
        description="a named workload; demands may stand in its place",
        json_schema_extra={"examples": ["web"]},
    )
    cores: Finite | None = _host("cores", "processors of the host")
    memory_gb: Finite | None = _host("memory_gb", "memory of the host [GB]")
    network_gbps: Finite | None = _host("network_gbps", "link of the host [Gbit/s]")
    storage_iops: Finite | None = _host("storage_iops", "operations per second of its storage")
    mechanisms: dict[str, str] = Field(
        default_factory=dict,
        max_length=MAX_ENTRIES,
        description="options in place of the runtime's own mechanisms",
    )
    demands: dict[str, Finite] = Field(
        default_factory=dict,
        max_length=MAX_ENTRIES,
        description="what the workload asks for, where it differs",
    )
    level: Finite = Field(
        default=DEFAULT_LEVEL,
        description="probability that the interval promises",
        json_schema_extra={"exclusiveMinimum": LEVEL_RANGE[0], "maximum": LEVEL_RANGE[1]},
    )
    native_value: Finite | None = Field(
        default=None,
        description="what the caller measured on bare metal",
        json_schema_extra={"exclusiveMinimum": 0, "maximum": MAX_NATIVE_VALUE},
    )
    unit: str | None = Field(
        default=None,
        description="unit of native_value; in ns, us, ms or s less is better",
        json_schema_extra={"minLength": 1, "maxLength": MAX_UNIT},
    )
    native_cores: Finite | None = _host(
        "cores", "cores that native_value was measured on, when not `cores`"
    )
    scaling: str | None = Field(
        default=None,
        description="whether the work stays as it is on other cores (fixed: Amdahl) or grows with "
        "them (scaled: Gustafson); fixed when absent",
        json_schema_extra={"enum": list(LAWS)},
    )


class PredictBody(_Scenario):
    """A scenario to predict."""

    runtime: str = Field(description="an isolation technology", examples=["gvisor"])


class CompareBody(_Scenario):
    """A scenario without runtime, and the runtimes to compare (all when absent)."""

    runtimes: list[str] | None = Field(default=None, max_length=100)


def parse_predict(document: Any) -> list[Question]:
    """The questions of a /predict request: one for an object, one each for a list."""
    if not isinstance(document, list):
        return [_question(document)]
    if len(document) > MAX_SCENARIOS:
        raise InvalidInput(
            [
                Problem(
                    "body", f"a list holds at most {MAX_SCENARIOS} scenarios, not {len(document)}"
                )
            ]
        )
    questions, problems = [], []
    for place, entry in enumerate(document):
        try:
            questions.append(_question(entry))
        except InvalidInput as error:
            problems += [Problem(_within(place, p.field), p.message) for p in error.problems]
            if len(problems) >= MAX_PROBLEMS:
                break
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS])
    return questions


def parse_compare(document: Any) -> Comparison:
    """The comparison of a /compare request."""
    scenario, options = split_options(CompareBody, document)
    runtimes = scenario.pop("runtimes", None)
    return ask_all(scenario, options, runtimes)


def _question(document: Any) -> Question:
    scenario, options = split_options(PredictBody, document)
    return ask(scenario, options)


def split_options(body: type[_Scenario], document: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The given fields of a document: those of the scenario, and those of the answer."""
    try:
        parsed = body.model_validate(document)
    except ValidationError as error:
        raise InvalidInput(_problems(body, error)) from None
    given = {name: getattr(parsed, name) for name in parsed.model_fields_set}
    given = {name: value for name, value in given.items() if value is not None}
    options = {name: given.pop(name) for name in OPTIONS if name in given}
    return given, options


def _problems(body: type[_Scenario], error: ValidationError) -> list[Problem]:
    problems = []
    for item in error.errors(include_url=False)[:MAX_PROBLEMS]:
        place = _place(item["loc"]) or "body"
        needed = _NEEDED.get(item["type"])
        if item["type"] == "float_type" and type(item["input"]) is int:
            message = "is too large"
        elif needed:
            message = f"{needed} is needed, not {_kind(item['input'])}"
        elif item["type"] == "extra_forbidden":
            message = _unknown_field(body, str(item["loc"][-1]))
        elif item["type"] == "missing":
            message = "is required"
        elif item["type"] == "finite_number":
            message = "must be finite"
        else:
            message = item["msg"][:1].lower() + item["msg"][1:]
        problems.append(Problem(place, message))
    return problems


def _unknown_field(body: type[_Scenario], name: str) -> str:
    shown = repr(name[:60])
    words = vocabulary()
    if name == "observations":
        return "unknown field: observations are not offered yet, leave them out"
    if name == "runtime" and body is CompareBody:
        return "a comparison takes no runtime; name several in runtimes, or none for all"
    if name in words.mechanisms:
        return f"unknown field {shown}; it is a mechanism and goes into mechanisms"
    if name in words.demand_fields:
        return f"unknown field {shown}; it is a demand and goes into demands"
    known = list(body.model_fields)
    near = near_names(name, known)
    said = f"did you mean {', '.join(near)}?" if near else f"one of {', '.join(known)}"
    return f"unknown field {shown}; {said}"


def _place(location: tuple[int | str, ...]) -> str:
    place = ""
    for step in location:
        place = _joined(place, f"[{step}]" if isinstance(step, int) else str(step)[:60])
    return place


def _within(place: int, field: str) -> str:
    return f"[{place}]" if field == "body" else f"[{place}].{field}"


def _joined(outer: str, inner: str) -> str:
    return outer + inner if not outer or not inner or inner[0] == "[" else f"{outer}.{inner}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "an object"
    names = {list: "a list", str: "a text", bool: "a truth value", int: "a number"}
    return names.get(type(value), "a number")
