"""The words of a scenario: mechanisms, runtimes and workloads, read once from data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from features.mechanisms import Mechanism, Pair, mechanisms_of, pairs_of, stray_effects

RESOURCES = ("cpu", "memory", "network", "storage")


def read_toml(name: str) -> dict[str, Any]:
    """One of this room's data files, parsed."""
    return tomllib.loads((files("features") / "data" / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Runtime:
    """A bundle of mechanisms: what it does unless told otherwise, and what else it can do."""

    name: str
    title: str
    parent: str
    preset: Mapping[str, str]
    allowed: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class DemandField:
    """One number of a demand profile, with its default and the range it must lie in."""

    key: str
    default: float
    low: float
    high: float


@dataclass(frozen=True)
class Workload:
    """A named demand profile and how it was come by (reference, traced, assumed)."""

    name: str
    family: str
    title: str
    kind: str
    source: str
    demands: Mapping[str, float]
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """All words that a scenario may use."""

    mechanisms: Mapping[str, Mechanism]
    runtimes: Mapping[str, Runtime]
    workloads: Mapping[str, Workload]
    demand_fields: Mapping[str, DemandField]
    pairs: tuple[Pair, ...]


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of the shipped data files."""
    mechanisms = mechanisms_of(read_toml("mechanisms.toml"))
    pairs = pairs_of(read_toml("pairs.toml"), mechanisms)
    runtimes = {
        name: _runtime(name, entry, mechanisms)
        for name, entry in read_toml("runtimes.toml").items()
    }
    tables = read_toml("workloads.toml")
    fields = {key: DemandField(key, **entry) for key, entry in tables["fields"].items()}
    workloads = {
        name: Workload(
            name,
            entry["family"],
            entry["title"],
            entry["kind"],
            entry["source"],
            _profile(name, entry["demands"], fields),
            tuple(entry.get("programs", ())),
        )
        for name, entry in tables["workloads"].items()
    }
    words = Vocabulary(
        MappingProxyType(mechanisms),
        MappingProxyType(runtimes),
        MappingProxyType(workloads),
        MappingProxyType(fields),
        pairs,
    )
    wrong = [*stray_effects(mechanisms, runtimes, workloads, fields), *_unsaid(words)]
    if wrong:
        raise ValueError("; ".join(wrong))
    return words


def _unsaid(words: Vocabulary) -> list[str]:
    """Where a refusal would have no reason, or would refuse a runtime as it comes."""
    wrong = []
    for mechanism in words.mechanisms.values():
        for name, option in mechanism.options.items():
            refused = any(name not in r.allowed[mechanism.key] for r in words.runtimes.values())
            if refused and not option.needs:
                wrong.append(f"mechanisms.toml, {mechanism.key}={name}: needs is missing")
    for runtime in words.runtimes.values():
        if any(pair.broken_by(runtime.preset) for pair in words.pairs):
            wrong.append(f"runtimes.toml, {runtime.name}: its preset breaks a rule of pairs.toml")
    return wrong


def _runtime(name: str, entry: Mapping[str, Any], mechanisms: Mapping[str, Mechanism]) -> Runtime:
    preset, allowed = {}, {}
    for key, mechanism in mechanisms.items():
        preset[key] = entry["preset"].get(key, mechanism.values[0])
        choices = dict.fromkeys((preset[key], *entry["allowed"].get(key, ())))
        unknown = [v for v in choices if v not in mechanism.values]
        if unknown:
            raise ValueError(f"runtimes.toml, {name}.{key}: unknown values {unknown}")
        allowed[key] = tuple(choices)
    stray = (set(entry["preset"]) | set(entry["allowed"])) - set(mechanisms)
    if stray:
        raise ValueError(f"runtimes.toml, {name}: unknown mechanisms {sorted(stray)}")
    return Runtime(
        name, entry["title"], entry["parent"], MappingProxyType(preset), MappingProxyType(allowed)
    )


def _profile(
    name: str, given: Mapping[str, float], fields: Mapping[str, DemandField]
) -> Mapping[str, float]:
    profile = {key: float(given.get(key, field.default)) for key, field in fields.items()}
    if any(r in given for r in RESOURCES):
        profile.update({r: float(given.get(r, 0.0)) for r in RESOURCES})
    for key in given:
        field = fields[key]
        if not field.low <= given[key] <= field.high:
            raise ValueError(f"workloads.toml, {name}.{key}: {given[key]} outside its range")
    if abs(sum(profile[r] for r in RESOURCES) - 1.0) > 1e-9:
        raise ValueError(f"workloads.toml, {name}: shares do not sum to 1")
    return MappingProxyType(profile)
