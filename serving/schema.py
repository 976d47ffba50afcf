"""Shape and ranges at the first door: a JSON document becomes a Question or a Comparison.

Names and host ranges are answered by Scenario; this module sees to types, to fields that no
one knows, and to the options of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from features.errors import InvalidInput, Problem, near_names
from features.native import MAX_NATIVE_VALUE, MAX_UNIT
from features.scaling import LAWS
from features.vocabulary import vocabulary
from models.conditioning import Observation
from models.prediction import DEFAULT_LEVEL, LEVEL_RANGE
from serving.fields import Finite, ScenarioFields, Text, host_field
from serving.observations import MAX_OBSERVATIONS, ObservationBody, observations_of
from serving.questions import OPTIONS, Comparison, Question, ask, ask_all, collect

T = TypeVar("T", Question, Comparison)

MAX_SCENARIOS = 10_000
MAX_PROBLEMS = 50
# Lists of observations in one list of scenarios: each is conditioned on by itself.
MAX_RIGS = 50

# What is needed where pydantic finds another type.
_NEEDED = {
    "model_type": "a JSON object",
    "model_attributes_type": "a JSON object",
    "dict_type": "a JSON object",
    "list_type": "a list",
    "float_type": "a number",
    "string_type": "a text",
    "int_type": "a whole number",
}


class _Scenario(ScenarioFields):
    """The fields that a prediction and a comparison share."""

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
    unit: Text | None = Field(
        default=None,
        description="unit of native_value; in ns, us, ms or s less is better",
        json_schema_extra={"minLength": 1, "maxLength": MAX_UNIT},
    )
    native_cores: Finite | None = host_field(
        "cores", "cores that native_value was measured on, when not `cores`"
    )
    scaling: Text | None = Field(
        default=None,
        description="whether the work stays as it is on other cores (fixed: Amdahl) or grows with "
        "them (scaled: Gustafson); fixed when absent",
        json_schema_extra={"enum": list(LAWS)},
    )
    observations: list[ObservationBody] = Field(
        default_factory=list,
        max_length=MAX_OBSERVATIONS,
        description="what was measured on the rig that is asked for; used for this request alone",
    )


class PredictBody(_Scenario):
    """A scenario to predict."""

    runtime: Text = Field(description="an isolation technology", examples=["gvisor"])


class CompareBody(_Scenario):
    """A scenario without runtime, and the runtimes to compare (all when absent)."""

    runtimes: list[Text] | None = Field(default=None, max_length=100)


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
    rigs: dict[str, tuple[Observation, ...]] = {}
    for place, entry in enumerate(document):
        try:
            question = _question(entry)
            # Like lists are one list, so that they are conditioned on once.
            same = rigs.setdefault(repr(question.observations), question.observations)
            questions.append(replace(question, observations=same))
        except InvalidInput as error:
            problems += [Problem(_within(place, p.field), p.message) for p in error.problems]
            if len(problems) >= MAX_PROBLEMS:
                break
    rigs.pop(repr(()), None)
    if len(rigs) > MAX_RIGS:
        said = f"a list holds at most {MAX_RIGS} different observations, not {len(rigs)}"
        problems.append(Problem("body", said))
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS])
    return questions


def parse_compare(document: Any) -> Comparison:
    """The comparison of a /compare request."""
    scenario, options = split_options(CompareBody, document)
    runtimes = scenario.pop("runtimes", None)
    return with_observations(scenario, lambda given: ask_all(given, options, runtimes))


def _question(document: Any) -> Question:
    scenario, options = split_options(PredictBody, document)
    return with_observations(scenario, lambda given: ask(given, options))


def with_observations(fields: dict[str, Any], make: Callable[[dict[str, Any]], T]) -> T:
    """What `make` makes of the fields, with the observations that are among them.

    Raises InvalidInput naming what is wrong in either.
    """
    problems: list[Problem] = []
    bodies = fields.pop("observations", [])
    made = collect(problems, lambda: make(fields))
    observations = collect(problems, lambda: observations_of(bodies))
    if made is None or observations is None:
        raise InvalidInput(problems[:MAX_PROBLEMS])
    return replace(made, observations=observations)


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
            inside = item["loc"][0] == "observations" and len(item["loc"]) > 1
            message = _unknown_field(ObservationBody if inside else body, str(item["loc"][-1]))
        elif item["type"] == "missing":
            message = "is required"
        elif item["type"] == "finite_number":
            message = "must be finite"
        else:
            message = item["msg"][:1].lower() + item["msg"][1:]
        problems.append(Problem(place, message))
    return problems


def _unknown_field(body: type[ScenarioFields], name: str) -> str:
    shown = repr(name[:60])
    words = vocabulary()
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
