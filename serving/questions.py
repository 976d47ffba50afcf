"""What a caller asks: one scenario, or one scenario under several runtimes, with how to answer.

Behind this module every value is known to be good; it raises InvalidInput naming each bad one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from features.choices import settled
from features.errors import InvalidInput, Problem, unknown_name
from features.scaling import LAWS
from features.scenario import HOST_RANGES, Scenario
from features.vocabulary import vocabulary
from models.conditioning import Observation

T = TypeVar("T")

# How to answer, beside what is asked.
OPTIONS = ("level", "native_value", "unit", "native_cores", "scaling")
TEXT_OPTIONS = ("unit", "scaling")
MAX_UNIT = 40
UNIT_FORM = f"must be 1 to {MAX_UNIT} characters on one line"
# Far above any benchmark, far below where a quotient stops being a number.
MAX_NATIVE_VALUE = 1e100

DEFAULT_LEVEL = 0.9
# The level lies above the first and not above the second.
LEVEL_RANGE = (0.5, 0.99)

# Units of a time, for which less is better; "ms/request" is a time as well.
TIME_UNITS = frozenset(
    ("ns", "us", "\u00b5s", "\u03bcs", "ms", "s")
    + ("nsec", "usec", "msec", "sec", "secs", "min", "h")
    + ("nanoseconds", "microseconds", "milliseconds", "second", "seconds")
    + ("minute", "minutes", "hour", "hours")
)


@dataclass(frozen=True)
class NativeValue:
    """What the caller measured on bare metal; `cores` is how many cores it was measured on, and
    `scaling` whether the work grows with them (features.scaling.LAWS)."""

    value: float
    unit: str
    cores: float | None = None
    scaling: str = LAWS[0]

    @property
    def is_time(self) -> bool:
        """Whether less is better."""
        words = self.unit.split("/")[0].split()
        return bool(words) and words[0].lower() in TIME_UNITS

    def under(self, base: float, retained: float) -> float:
        """What a native value of `base` becomes where `retained` of its performance is kept."""
        return base / retained if self.is_time else base * retained


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


def is_unit(text: str) -> bool:
    """Whether a text can be shown as a unit."""
    return bool(text.strip()) and len(text) <= MAX_UNIT and text.isprintable()


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
    above, most = LEVEL_RANGE
    if not above < level <= most:
        problems.append(Problem("level", f"must be above {above} and at most {most}"))
    value, unit = options.get("native_value"), options.get("unit")
    measured_on = options.get("native_cores")
    if value is None:
        for field in ("unit", "native_cores", "scaling"):
            if field in options:
                problems.append(Problem(field, "means nothing without native_value"))
        return level, None
    if not 0 < value <= MAX_NATIVE_VALUE:
        said = f"must be above 0 and at most {MAX_NATIVE_VALUE:g}"
        problems.append(Problem("native_value", said))
    if unit is None:
        problems.append(Problem("unit", "is required with native_value, e.g. requests/s or ms"))
        return level, None
    if not is_unit(unit):
        problems.append(Problem("unit", UNIT_FORM))
    law = options.get("scaling", LAWS[0])
    if law not in LAWS:
        problems.append(unknown_name("scaling", law, LAWS))
    elif "scaling" in options and measured_on is None:
        problems.append(Problem("scaling", "means nothing without native_cores"))
    native = NativeValue(value, unit.strip(), measured_on, law)
    if measured_on is None or measured_on == cores:
        return level, native
    low, high = HOST_RANGES["cores"]
    if not low <= measured_on <= high:
        problems.append(Problem("native_cores", f"must be {low:g} to {high:g}"))
    if cores is None:
        problems.append(Problem("cores", "is required with native_cores"))
    elif native.is_time:
        said = f"a time in {native.unit} cannot be scaled from other cores: measure it on these"
        problems.append(Problem("native_cores", said))
    return level, native
