"""What a caller asks: one scenario, or one scenario under several runtimes, with how to answer.

Behind this module every value is known to be good; it raises InvalidInput naming each bad one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from features.choices import settled
from features.errors import InvalidInput, Problem, unknown_name
from features.native import NATIVE_OPTIONS, NativeValue, native_value
from features.scenario import Scenario
from features.vocabulary import vocabulary
from models.conditioning import Observation
from models.prediction import DEFAULT_LEVEL, level_problems

T = TypeVar("T")

# How to answer, beside what is asked.
OPTIONS = ("level", *NATIVE_OPTIONS)


@dataclass(frozen=True)
class Question:
    """One scenario and how to answer it, given what the caller measured on the same rig."""

    scenario: Scenario
    level: float = DEFAULT_LEVEL
    native: NativeValue | None = None
    observations: tuple[Observation, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One scenario asked of several runtimes.

    `scenario` names the first runtime and carries no options; `options` are the mechanisms
    asked for, which each runtime takes as far as it can have them.
    """

    scenario: Scenario
    options: Mapping[str, str]
    runtimes: tuple[str, ...]
    level: float = DEFAULT_LEVEL
    native: NativeValue | None = None
    observations: tuple[Observation, ...] = ()

    def under(self, runtime: str) -> tuple[Scenario, dict[str, str]]:
        """The scenario for one runtime, and key -> why for the options that it cannot have."""
        kept, dropped = settled(runtime, self.options)
        bare = self.scenario.under(runtime).as_dict()
        return Scenario(**{**bare, "mechanisms": kept}), dropped

    def as_dict(self) -> dict[str, Any]:
        """The scenario as it was asked, without a runtime."""
        record = self.scenario.as_dict()
        del record["runtime"]
        if self.options:
            record["mechanisms"] = dict(self.options)
        return record


def default_runtimes() -> tuple[str, ...]:
    """The runtimes of a comparison that names none: all, bare metal as the yardstick among them."""
    return tuple(vocabulary().runtimes)


def ask(scenario: Mapping[str, Any], options: Mapping[str, Any]) -> Question:
    """A question from the fields of a scenario and the options of the answer."""
    problems: list[Problem] = []
    made = collect(problems, lambda: Scenario(**scenario))
    level, native = _options(problems, options, scenario.get("cores"))
    if made is None or problems:
        raise InvalidInput(problems)
    return Question(made, level, native)


def ask_all(
    scenario: Mapping[str, Any],
    options: Mapping[str, Any],
    runtimes: Iterable[str] | None = None,
) -> Comparison:
    """A comparison from the fields of a scenario without runtime."""
    problems: list[Problem] = []
    chosen = tuple(dict.fromkeys(default_runtimes() if runtimes is None else runtimes))
    known = vocabulary().runtimes
    for place, name in enumerate(chosen):
        if name not in known:
            unknown = unknown_name("runtime", name, known)
            problems.append(Problem(f"runtimes[{place}]", unknown.message))
    if not chosen:
        problems.append(Problem("runtimes", "is empty; leave it out to compare all runtimes"))
    mechanisms = dict(scenario.get("mechanisms", {}))
    problems += _mechanism_problems(mechanisms)
    bare = {**scenario, "runtime": default_runtimes()[0], "mechanisms": {}}
    made = collect(problems, lambda: Scenario(**bare))
    level, native = _options(problems, options, scenario.get("cores"))
    if made is None or problems:
        raise InvalidInput(problems)
    return Comparison(made.under(chosen[0]), mechanisms, chosen, level, native)


def collect(problems: list[Problem], make: Callable[[], T]) -> T | None:
    """What `make` returns, or None with its problems added to the list."""
    try:
        return make()
    except InvalidInput as error:
        problems.extend(error.problems)
        return None


def _mechanism_problems(given: Mapping[str, str]) -> list[Problem]:
    mechanisms = vocabulary().mechanisms
    problems = []
    for key, value in given.items():
        if key not in mechanisms:
            unknown = unknown_name("mechanism", key, mechanisms)
            problems.append(Problem(f"mechanisms.{key}", unknown.message))
        elif value not in mechanisms[key].values:
            problems.append(unknown_name(f"mechanisms.{key}", value, mechanisms[key].values))
    return problems


def _options(
    problems: list[Problem], options: Mapping[str, Any], cores: float | None
) -> tuple[float, NativeValue | None]:
    level = options.get("level", DEFAULT_LEVEL)
    problems += level_problems(level)
    return level, collect(problems, lambda: native_value(options, cores))
