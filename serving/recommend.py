"""Recommendations over HTTP and on the command line: which runtimes hold, and at what price."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from features.cost import CostInputs
from features.errors import InvalidInput, Problem
from features.flags import options_of
from features.properties import ISOLATION, TreeAnswer, decision_tree
from models.recommendation import Constraints, recommend
from serving.answers import OnRig, Predicts
from serving.fields import MAX_ENTRIES, Finite, Text
from serving.flat import comparison_from_flat
from serving.hostprofile import for_host
from serving.observations import read_observations
from serving.profile import read_demands
from serving.questions import Comparison, ask_all, collect
from serving.schema import CompareBody, split_options, with_observations

_WISHES = tuple(Constraints.__dataclass_fields__)
_INPUTS = tuple(CostInputs.__dataclass_fields__)
_FLAGS = ("hardware_binding", "confidential", "live_migration", "snapshots")
_NAMED = ("relative_cost", "tco_usd", "host_usd")

EXAMPLE = {"workload": "web", "cores": 8, "isolation": "medium", "cold_start_ms": 500}


class RecommendBody(CompareBody):
    """A scenario without runtime, what a runtime must hold, and what things cost.

    With `tree` alone the reference's decision tree answers and nothing is predicted.
    """

    isolation: Text = Field(
        default="none", description="at least", json_schema_extra={"enum": list(ISOLATION)}
    )
    hardware_binding: bool = Field(
        default=True, description="whether being bound to one machine is acceptable"
    )
    cold_start_ms: Finite | None = Field(default=None, description="at most")
    retained_at_least: Finite | None = Field(default=None, description="relative to bare metal")
    with_probability: Finite | None = Field(default=None, description="of that; 0.8 when absent")
    confidential: bool = Field(default=False, description="memory that the operator cannot read")
    live_migration: bool = False
    snapshots: bool = Field(default=False, description="of the running state")
    budget_usd: Finite | None = Field(default=None, description="at most, over three years")
    relative_cost: dict[Text, Finite] = Field(
        default_factory=dict,
        max_length=MAX_ENTRIES,
        description="your cost of a runtime relative to a VM",
    )
    tco_usd: dict[Text, Finite] = Field(
        default_factory=dict,
        max_length=MAX_ENTRIES,
        description="your cost of a runtime over three years; ranks by USD",
    )
    host_usd: dict[Text, Finite] = Field(
        default_factory=dict,
        max_length=MAX_ENTRIES,
        description="your costs of one host over three years: hardware, software, power, "
        "operations; ranks by USD",
    )
    instances: int | None = Field(default=None, description="required with host_usd")
    workload_memory_mb: Finite = Field(
        default=0.0, description="memory of one instance on top of the runtime's own"
    )
    tree: dict[Text, Text] | None = Field(
        default=None,
        max_length=MAX_ENTRIES,
        description="answers to the reference's decision tree: extreme_performance, "
        "hardware_binding, isolation, start_critical",
    )


class Ranked(BaseModel):
    """A runtime that holds. cost is what `ranked_by` names, cost_per_retained what it is ranked by;
    p_best is the probability of being the cheapest per retained performance."""

    runtime: str
    retained: float
    interval: tuple[float, float]
    cost: float
    cost_per_retained: float
    p_best: float
    p_retained_at_least: float | None = None
    density: int = Field(description="instances on one host")
    start_ms: float
    start_range_ms: tuple[float, float]
    tco_usd: float = Field(description="over three years")
    isolation: str
    novelty: dict[str, Any]
    sources: dict[str, str]
    value: float | None = Field(default=None, description="present with native_value and unit")
    unit: str | None = None


class Excluded(BaseModel):
    """A runtime that does not hold, and every reason."""

    runtime: str
    reasons: list[str]


class Recommendation(BaseModel):
    """The runtimes that hold, cheapest per retained performance first."""

    scenario: dict[str, Any] | None = None
    ranked: list[Ranked] = Field(default_factory=list)
    excluded: list[Excluded] = Field(default_factory=list)
    p_first_better_than_second: float | None = None
    ranked_by: str | None = Field(default=None, description="relative_cost or tco_usd")
    level: float | None = None
    tree: dict[str, Any] | None = None


@dataclass(frozen=True)
class Wish:
    """What is asked: a question under constraints, the decision tree's answer, or both."""

    comparison: Comparison | None
    constraints: Constraints
    inputs: CostInputs
    tree: TreeAnswer | None


def parse_recommend(document: Any) -> Wish:
    """The wish of a /recommend request. Raises InvalidInput."""
    given, options = split_options(RecommendBody, document)
    wishes = {key: given.pop(key) for key in (*_WISHES, *_INPUTS, "tree") if key in given}
    runtimes = given.pop("runtimes", None)
    asked = bool(given or options or runtimes)
    return _wish(
        wishes,
        asked,
        lambda: with_observations(given, lambda fields: ask_all(fields, options, runtimes)),
    )


def wish_from_flags(
    given: Mapping[str, str | None],
    pairs: Sequence[str],
    runtimes: Sequence[str] | None,
    wishes: Mapping[str, Any],
    observed: Path | None = None,
    demands: Path | None = None,
) -> Wish:
    """The wish of flags, whose numbers are still text, given the caller's own measurements in the
    CSV `observed` and the profile `demands`. Raises InvalidInput."""
    observations = () if observed is None else read_observations(observed)
    problems: list[Problem] = []
    profile = {} if demands is None else read_demands(demands)
    flags = {**profile, **given, **options_of(pairs)}
    record = {key: value for key, value in flags.items() if value}
    made: dict[str, Any] = {}
    for key, value in wishes.items():
        if value in (None, [], "") or value is (key == "hardware_binding"):
            continue  # not given
        if key == "tree":
            made[key] = _pairs(key, value, problems)
        elif key in _NAMED:
            named = _pairs(key, value, problems)
            made[key] = {k: _number(f"{key}.{k}", v, problems) for k, v in named.items()}
        elif key == "isolation" or key in _FLAGS:
            made[key] = value
        else:
            made[key] = _number(key, value, problems)
    count = made.get("instances")
    if count is not None and not float(count).is_integer():
        problems.append(Problem("instances", f"a whole number is needed, not {count:g}"))
    asked = bool(record or runtimes or observations)

    def compare() -> Comparison:
        return replace(comparison_from_flat(record, runtimes), observations=observations)

    return _wish(made, asked, compare, problems)


def _wish(
    wishes: Mapping[str, Any],
    asked: bool,
    compare: Callable[[], Comparison],
    problems: Sequence[Problem] = (),
) -> Wish:
    found = list(problems)
    answers = wishes.get("tree")
    tree = None if answers is None else collect(found, lambda: decision_tree(answers))
    alone = answers is not None and not asked and set(wishes) == {"tree"}
    comparison = None if alone else collect(found, compare)
    own = {key: wishes[key] for key in _WISHES if key in wishes}
    constraints = collect(found, lambda: Constraints(**own))
    costs = {key: wishes[key] for key in _INPUTS if key in wishes}
    inputs = collect(found, lambda: CostInputs(**costs))
    if found or constraints is None or inputs is None:
        raise InvalidInput(found)
    return Wish(comparison, constraints, inputs, tree)


def answer_recommend(predictor: Callable[[], Predicts], wish: Wish) -> dict[str, Any]:
    """The recommendation document; the predictor is asked for only when something is predicted.

    An option that a runtime cannot have is left out for it, and its record says so.
    """
    document: dict[str, Any] = {}
    comparison = wish.comparison
    if comparison is not None:
        asked = [comparison.under(runtime) for runtime in comparison.runtimes]
        scenarios = {scenario.runtime: (scenario, dropped) for scenario, dropped in asked}
        document = {"scenario": comparison.as_dict()} | recommend(
            OnRig(predictor(), comparison.observations),
            [scenario for scenario, _ in asked],
            wish.constraints,
            wish.inputs,
            level=comparison.level,
        )
        for record in document["ranked"]:
            scenario, dropped = scenarios[record["runtime"]]
            said = [f"{why}: left out" for why in dropped.values()]
            record["novelty"]["reasons"] += said
            if comparison.native is not None:
                native = comparison.native
                record["value"] = native.under(native.at(scenario), record["retained"])
                record["unit"] = native.unit
    if wish.tree is not None:
        document["tree"] = wish.tree.as_dict()
    return document


def run_recommend(
    given: Mapping[str, str | None],
    pairs: Sequence[str],
    runtimes: Sequence[str] | None,
    wishes: Mapping[str, Any],
    as_json: bool,
    ensure_champion: Callable[[], None],
    observed: Path | None = None,
    host_profile: Path | None = None,
    demands: Path | None = None,
) -> None:
    """Recommend for the flags of the command line, given the caller's own measurements in the
    CSV `observed`, the calibration `host_profile` and the profile `demands`."""
    on_host = for_host(host_profile)
    wish = wish_from_flags(given, pairs, runtimes, wishes, observed, demands)

    def predictor() -> Predicts:
        ensure_champion()
        from serving.store import load_champion

        return on_host(load_champion())

    document = answer_recommend(predictor, wish)
    if as_json:
        print(json.dumps(document, allow_nan=False))
        return
    from serving.render import make_console, show_recommendation

    show_recommendation(make_console(), document)


def _pairs(name: str, pairs: Sequence[str], problems: list[Problem]) -> dict[str, str]:
    made: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            problems.append(Problem(name, f"KEY=VALUE is needed, not {pair[:60]!r}"))
        elif key in made:
            problems.append(Problem(f"{name}.{key}", "is given twice"))
        else:
            made[key] = value
    return made


def _number(name: str, text: str, problems: list[Problem]) -> float:
    try:
        return float(text)
    except ValueError:
        problems.append(Problem(name, f"a number is needed, not {text[:40]!r}"))
        return 1.0
