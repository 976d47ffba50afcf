"""The options of a scenario as data: what each value of a mechanism is, what it needs, how it
shows, what else is known of it, and which options cannot stand together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

DIRECTIONS = ("faster", "slower")
# The sets of constants in which an effect may show: the middle of all ranges, or an end.
ENDS = ("reference", "optimistic", "pessimistic")

Fact = str | bool | int


@dataclass(frozen=True)
class Effect:
    """How a value shows in the prior: the direction against another value of its mechanism.

    `against` is the runtime that has the other value: `runtime` itself where it can have both.
    `options` and `demands` are set on both sides; `end` is the set of constants it shows in.
    """

    direction: str
    than: str
    runtime: str
    workload: str
    against: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    demands: Mapping[str, float] = field(default_factory=dict)
    host: Mapping[str, float] = field(default_factory=dict)
    end: str = "reference"

    @property
    def other_runtime(self) -> str:
        """The runtime that has the value compared with."""
        return self.against or self.runtime


@dataclass(frozen=True)
class Option:
    """One value of a mechanism: what it is, what a runtime needs for it, how it shows.

    `effect` is None for a mechanism's first value, which the others are told from.
    """

    name: str
    means: str
    needs: str = ""
    effect: Effect | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    facts_source: str = ""


@dataclass(frozen=True)
class Mechanism:
    """One thing that a runtime does to a program, and the values it takes."""

    key: str
    meaning: str
    options: Mapping[str, Option]

    @property
    def values(self) -> tuple[str, ...]:
        """The names of the values; a name's place is its code."""
        return tuple(self.options)


@dataclass(frozen=True)
class Pair:
    """Values of two mechanisms that cannot be in force together, and why."""

    key: str
    values: tuple[str, ...]
    other: str
    excluded: tuple[str, ...]
    reason: str

    def broken_by(self, mechanisms: Mapping[str, str]) -> bool:
        """Whether the mechanisms in force hold such a pair."""
        return mechanisms[self.key] in self.values and mechanisms[self.other] in self.excluded


def mechanisms_of(document: Mapping[str, Any]) -> dict[str, Mechanism]:
    """The mechanisms of a parsed file, in its order."""
    return {
        key: Mechanism(
            key,
            entry["meaning"],
            MappingProxyType({n: _option(key, n, o) for n, o in entry["values"].items()}),
        )
        for key, entry in document.items()
    }


def pairs_of(document: Mapping[str, Any], mechanisms: Mapping[str, Mechanism]) -> tuple[Pair, ...]:
    """A parsed file's rules of what cannot stand together; what is needed excludes the rest."""
    found = []
    for entry in document["pairs"]:
        key, values = _named(entry["option"], mechanisms)
        other, excluded = _named(entry.get("without") or entry["needs"], mechanisms)
        if "needs" in entry:
            excluded = tuple(v for v in mechanisms[other].values if v not in excluded)
        found.append(Pair(key, values, other, excluded, entry["reason"]))
    return tuple(found)


def stray_effects(
    mechanisms: Mapping[str, Mechanism],
    runtimes: Mapping[str, Any],
    workloads: Collection[str],
    demands: Collection[str],
) -> list[str]:
    """What the effects say that is no word of the vocabulary, and where one is missing."""
    wrong = []
    for mechanism in mechanisms.values():
        for place, option in enumerate(mechanism.options.values()):
            effect, where = option.effect, f"mechanisms.toml, {mechanism.key}={option.name}"
            if effect is None:
                if place:
                    wrong.append(f"{where}: effect is missing")
                continue
            known: list[tuple[str, Collection[str]]] = [
                (effect.direction, DIRECTIONS),
                (effect.end, ENDS),
                (effect.than, mechanism.values),
                (effect.runtime, runtimes),
                (effect.other_runtime, runtimes),
                (effect.workload, workloads),
                *((key, demands) for key in effect.demands),
                *((key, mechanisms) for key in effect.options),
            ]
            wrong += [f"{where}: {name!r} is no word" for name, words in known if name not in words]
    return wrong


def _option(key: str, name: str, entry: Mapping[str, Any]) -> Option:
    try:
        given = dict(entry)
        if "effect" in given:
            given["effect"] = Effect(**given["effect"])
        option = Option(name, **given)
    except TypeError as error:
        raise ValueError(f"mechanisms.toml, {key}={name}: {error}") from None
    if bool(option.facts) is not bool(option.facts_source):
        raise ValueError(f"mechanisms.toml, {key}={name}: facts and their source go together")
    return option


def _named(text: str, mechanisms: Mapping[str, Mechanism]) -> tuple[str, tuple[str, ...]]:
    """`key=value|value` as a mechanism's key and values that it has."""
    key, _, values = text.partition("=")
    names = tuple(values.split("|"))
    if key not in mechanisms or not set(names) <= set(mechanisms[key].values):
        raise ValueError(f"pairs.toml: {text!r} is no option")
    return key, names
