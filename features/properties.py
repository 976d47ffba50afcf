"""What a runtime is beside its speed: isolation, what it can do, how it starts, what it costs.

Also the reference's decision tree, which chooses by such properties alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from features.constants import Constant
from features.errors import InvalidInput, Problem, unknown_name
from features.vocabulary import read_toml, vocabulary

# Weakest first.
ISOLATION = ("none", "weak", "medium", "strong")

_FACTS = ("confidential", "live_migration", "snapshots", "hardware_bound")
_NUMBERS = ("start_ms", "memory_mb", "density_per_host", "relative_cost", "tco_3y_usd")


@dataclass(frozen=True)
class Properties:
    """One runtime's properties; `sources` says of each where it comes from."""

    runtime: str
    isolation: str
    confidential: bool
    live_migration: bool
    snapshots: bool
    hardware_bound: bool
    start_ms: Constant
    memory_mb: Constant
    density_per_host: Constant
    relative_cost: Constant
    tco_3y_usd: Constant
    sources: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.isolation not in ISOLATION:
            raise ValueError(f"properties.toml, {self.runtime}: isolation {self.isolation!r}")
        for name in _NUMBERS:
            if getattr(self, name).low <= 0:
                raise ValueError(f"properties.toml, {self.runtime}.{name} must be above 0")

    def isolates(self, at_least: str) -> bool:
        """Whether it isolates as strongly as `at_least`."""
        return ISOLATION.index(self.isolation) >= ISOLATION.index(at_least)


@cache
def properties() -> Mapping[str, Properties]:
    """The properties of every runtime of the vocabulary, in its order."""
    entries = read_toml("properties.toml")["runtimes"]
    if set(entries) != set(vocabulary().runtimes):
        raise ValueError("properties.toml: its runtimes are not those of runtimes.toml")
    return MappingProxyType({name: _properties(name, entries[name]) for name in entries})


def _properties(name: str, entry: Mapping[str, Any]) -> Properties:
    stray = set(entry) ^ {"isolation", *_FACTS, *_NUMBERS}
    if stray:
        raise ValueError(f"properties.toml, {name}: {sorted(stray)} unknown or missing")
    facts: dict[str, Any] = {key: entry[key][0] for key in ("isolation", *_FACTS)}
    numbers: dict[str, Any] = {key: Constant(*entry[key]) for key in _NUMBERS}
    sources = MappingProxyType({key: entry[key][-1] for key in entry})
    return Properties(runtime=name, sources=sources, **facts, **numbers)


@cache
def _losses() -> Mapping[str, Mapping[str, str]]:
    """Property -> the options that take it away -> source."""
    found: dict[str, dict[str, str]] = {}
    for entry in read_toml("properties.toml")["lost_with"]:
        for name in entry["lost"]:
            found.setdefault(name, {})[entry["option"]] = entry["source"]
    return found


def lost_with(name: str, mechanisms: Mapping[str, str]) -> str | None:
    """The option among the mechanisms in force that takes the property `name` away (T14)."""
    for option in _losses().get(name, {}):
        key, _, value = option.partition("=")
        if mechanisms.get(key) == value:
            return option
    return None


@dataclass(frozen=True)
class TreeAnswer:
    """A leaf of the decision tree: the runtime, its printed retained range, and the way there."""

    leaf: str
    runtime: str
    retained: tuple[float, float]
    path: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The answer as it stands in a document."""
        return {
            "runtime": self.runtime,
            "retained": list(self.retained),
            "path": list(self.path),
            "source": "reference, decision tree",
        }


TREE_QUESTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "extreme_performance": ("yes", "no"),
        "hardware_binding": ("yes", "no"),
        "isolation": ("weak", "medium", "strong"),
        "start_critical": ("yes", "no"),
    }
)


def decision_tree(answers: Mapping[str, str]) -> TreeAnswer:
    """The reference's answer (T22) to its own questions, asked in its order.

    answers: question -> one of TREE_QUESTIONS[question]. Only the questions on the way need an
    answer. Raises InvalidInput naming the question that is wrong or still open.
    """
    problems = []
    for question, said in answers.items():
        if question not in TREE_QUESTIONS:
            problems.append(unknown_name(f"tree.{question}", question, TREE_QUESTIONS, "question"))
        elif said not in TREE_QUESTIONS[question]:
            problems.append(unknown_name(f"tree.{question}", said, TREE_QUESTIONS[question]))
    if problems:
        raise InvalidInput(problems)
    path: list[str] = []

    def asked(question: str) -> str:
        if question not in answers:
            choices = " or ".join(TREE_QUESTIONS[question])
            raise InvalidInput([Problem(f"tree.{question}", f"is asked next: {choices}")])
        path.append(f"{question}={answers[question]}")
        return answers[question]

    leaf = _leaf(asked)
    entry = read_toml("properties.toml")["tree"][leaf]
    low, high = entry["retained"]
    return TreeAnswer(leaf, entry["runtime"], (low, high), tuple(path))


def _leaf(asked: Any) -> str:
    if asked("extreme_performance") == "yes":
        if asked("hardware_binding") == "yes":
            return "bare-metal"
    else:
        isolation = asked("isolation")
        if isolation != "weak":
            return {"strong": "vm", "medium": "microvm"}[isolation]
    return "wasm" if asked("start_critical") == "yes" else "container"
