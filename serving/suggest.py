"""What to measure on one's own rig, over HTTP and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from features.benchmarks import benchmarks
from features.errors import InvalidInput, Problem, unknown_name
from features.flags import options_of
from features.scenario import Scenario
from features.vocabulary import vocabulary
from models.predictor import Predictor
from models.suggestion import Suggestion, suggest
from serving.fields import Text
from serving.flat import question_from_flat
from serving.observations import read_observations
from serving.profile import read_demands
from serving.questions import Question, ask, collect
from serving.schema import PredictBody, split_options, with_observations

EXAMPLE = {"runtime": "gvisor", "workload": "database.sql", "cores": 8, "count": 2}
MAX_COUNT = 20
# Of the candidates by themselves, these many are told.
MAX_RANKED = 10


class SuggestBody(PredictBody):
    """A question, and what can be measured where it is asked."""

    count: int = Field(
        default=1,
        description="measurements that are planned together",
        json_schema_extra={"minimum": 1, "maximum": MAX_COUNT},
    )
    measurable: list[Text] | None = Field(
        default=None,
        max_length=100,
        description="runtimes that can be measured on the rig; the asked one when absent",
    )


class Lines(BaseModel):
    """A tool, what to run on both sides, and the figure to read of it in `unit`."""

    tool: str
    native: list[str]
    isolated: list[str]
    figure: str
    unit: str


class ToMeasure(BaseModel):
    """A scenario to measure, and the interval of the question that is expected then."""

    scenario: dict[str, Any]
    width_ratio: float = Field(description="width in log retained then over now")
    interval: tuple[float, float]
    benchmark: Lines


class Advice(BaseModel):
    """The present answer, candidates by themselves, and measurements that go together."""

    scenario: dict[str, Any]
    retained: float
    interval: tuple[float, float]
    level: float
    ranked: list[ToMeasure]
    plan: list[ToMeasure]


@dataclass(frozen=True)
class Search:
    """A question, the scenarios that can be measured, and how many are looked for."""

    question: Question
    candidates: tuple[Scenario, ...]
    count: int


def parse_suggest(document: Any) -> Search:
    """The search of a /suggest request. Raises InvalidInput."""
    given, options = split_options(SuggestBody, document)
    count, measurable = given.pop("count", 1), given.pop("measurable", None)
    problems: list[Problem] = []
    question = collect(
        problems, lambda: with_observations(given, lambda fields: ask(fields, options))
    )
    return _search(problems, question, measurable, count)


def search_from_flags(
    given: Mapping[str, str | None],
    pairs: Sequence[str],
    measurable: Sequence[str] | None,
    count: str,
    observed: Path | None,
    demands: Path | None = None,
) -> Search:
    """The search of flags, whose numbers are still text. Raises InvalidInput."""
    profile = {} if demands is None else read_demands(demands)
    flags = {**profile, **given, **options_of(pairs)}
    record = {key: value for key, value in flags.items() if value}
    observations = () if observed is None else read_observations(observed)
    problems: list[Problem] = []
    question = collect(problems, lambda: question_from_flat(record))
    if not count.isdecimal():
        problems.append(Problem("count", f"a whole number is needed, not {count[:40]!r}"))
    found = _search(problems, question, measurable, int(count) if count.isdecimal() else 1)
    return replace(found, question=replace(found.question, observations=observations))


def _search(
    problems: list[Problem],
    question: Question | None,
    measurable: Sequence[str] | None,
    count: int,
) -> Search:
    if not 1 <= count <= MAX_COUNT:
        problems.append(Problem("count", f"must be 1 to {MAX_COUNT}, not {count}"))
    if question is not None and question.scenario.runtime == "native":
        said = "bare metal keeps all by definition; ask of an isolated runtime"
        problems.append(Problem("runtime", said))
    if question is not None and question.native is not None:
        problems.append(Problem("native_value", "means nothing where measurements are looked for"))
    known = vocabulary().runtimes
    for place, name in enumerate(measurable or ()):
        if name not in known:
            unknown = unknown_name("runtime", name, known)
            problems.append(Problem(f"measurable[{place}]", unknown.message))
    if measurable is not None and not measurable:
        problems.append(Problem("measurable", "is empty; leave it out for the asked runtime"))
    if question is None or problems:
        raise InvalidInput(problems)
    found = _candidates(question.scenario, measurable or [question.scenario.runtime])
    if not found:
        raise InvalidInput([Problem("measurable", "no benchmark runs on it; name another runtime")])
    return Search(question, found, count)


def _candidates(asked: Scenario, runtimes: Sequence[str]) -> tuple[Scenario, ...]:
    """Each workload with a benchmark that runs on one of the runtimes, on the asked host with the
    asked options. The asked workload keeps its own demands."""
    return tuple(
        replace(
            asked.under(runtime),
            workload=name,
            demands=asked.demands if name == asked.workload else {},
        )
        for runtime in dict.fromkeys(runtimes)
        for name, benchmark in benchmarks().items()
        if benchmark.runs_on(runtime)
    )


def answer_suggest(predictor: Predictor, search: Search) -> dict[str, Any]:
    """The document of what to measure."""
    question = search.question
    found = suggest(
        predictor,
        question.scenario,
        search.candidates,
        level=question.level,
        observations=question.observations,
        count=search.count,
    )
    return {
        "scenario": question.scenario.as_dict(),
        "retained": found.retained,
        "interval": list(found.interval),
        "level": question.level,
        "ranked": [_record(s) for s in found.ranked[:MAX_RANKED]],
        "plan": [_record(s) for s in found.plan],
    }


def _record(suggestion: Suggestion) -> dict[str, Any]:
    scenario = suggestion.scenario
    benchmark = benchmarks()[scenario.workload]
    return {
        "scenario": scenario.as_dict(),
        "width_ratio": suggestion.width_ratio,
        "interval": list(suggestion.interval),
        "benchmark": {
            "tool": benchmark.tool,
            "native": list(benchmark.native),
            "isolated": list(benchmark.isolated(scenario.runtime)),
            "figure": benchmark.figure,
            "unit": benchmark.unit,
        },
    }


def run_suggest(
    given: Mapping[str, str | None],
    pairs: Sequence[str],
    measurable: Sequence[str] | None,
    count: str,
    observed: Path | None,
    as_json: bool,
    ensure_champion: Callable[[], None],
    demands: Path | None = None,
) -> None:
    """Suggest for the flags of the command line, given the profile `demands`."""
    search = search_from_flags(given, pairs, measurable, count, observed, demands)
    ensure_champion()
    from serving.store import load_champion

    document = answer_suggest(load_champion(), search)
    if as_json:
        print(json.dumps(document, allow_nan=False))
        return
    from serving.render import make_console, show_suggestions

    show_suggestions(make_console(), document)
