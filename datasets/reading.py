"""The curation rules as data: what the words of a source mean in ours.

A file of `rules/` holds the rules of one source, in order. A rule names raw columns with regular
expressions (all must be found) and says what to `set`: `workload`, host fields, mechanisms,
demands, `caution`, or `drop` with a reason. `baseline` sets mechanisms of what was compared with.
A named group of an expression sets its own name ("4K" is 4096); the group `jobs` multiplies
queue_depth. Rules apply in order and the later one wins.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

_DIGITS = 8
_SUFFIXES = {"": 1, "B": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


@dataclass(frozen=True)
class Rule:
    """Conditions on raw columns and what follows from them."""

    when: Mapping[str, re.Pattern[str]]
    set: Mapping[str, Any]
    baseline: Mapping[str, str]

    def groups(self, raw: Mapping[str, str]) -> dict[str, str] | None:
        """The named groups when every condition is met, else None."""
        found: dict[str, str] = {}
        for column, pattern in self.when.items():
            match = pattern.search(raw[column])
            if match is None:
                return None
            found.update({k: v for k, v in match.groupdict().items() if v is not None})
        return found


@dataclass
class Reading:
    """What the rules of its source make of one raw row."""

    set: dict[str, Any] = field(default_factory=dict)
    baseline: dict[str, str] = field(default_factory=dict)


def read_with(rules: list[Rule], raw: Mapping[str, str]) -> Reading:
    """Apply the rules in order."""
    reading = Reading()
    for rule in rules:
        groups = rule.groups(raw)
        if groups is None:
            continue
        reading.set.update(rule.set)
        reading.baseline.update(rule.baseline)
        jobs = groups.pop("jobs", None)
        reading.set.update({key: size_in_bytes(text) for key, text in groups.items()})
        if jobs is not None:
            reading.set["queue_depth"] = reading.set.get("queue_depth", 1.0) * size_in_bytes(jobs)
    return reading


def size_in_bytes(text: str) -> float:
    """A count or a size with a binary suffix: "128K" is 131072."""
    match = re.fullmatch(r"([\d.]+)\s*([KMG]?)i?B?", text.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    return float(match[1]) * _SUFFIXES[match[2].upper()]


def identity(raw: Mapping[str, str]) -> str:
    """An id of a raw row that stays when rows come and go around it."""
    keys = ("runtime", "runtime_detail", "benchmark", "metric", "cores", "host_cpu", "value")
    text = "|".join(raw[key] for key in (*keys, "baseline_value"))
    return f"{raw['source_id']}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def rounded(number: float) -> float:
    """A number to the digits that a table keeps."""
    return float(f"{number:.{_DIGITS}g}")


@cache
def rules_of(source: str) -> list[Rule]:
    """The rules of one source; a source without a file has none."""
    place = files("datasets") / "rules" / f"{source}.toml"
    if not place.is_file():
        return []
    return [_rule(entry) for entry in tomllib.loads(place.read_text(encoding="utf-8"))["rule"]]


@cache
def caution_classes() -> list[tuple[re.Pattern[str], str]]:
    """What a caution of the collection is called in the table, first match first."""
    text = (files("datasets") / "rules" / "cautions.toml").read_text(encoding="utf-8")
    return [(re.compile(e["says"]), e["class"]) for e in tomllib.loads(text)["caution"]]


def _rule(entry: dict[str, Any]) -> Rule:
    when = {k: re.compile(v) for k, v in entry.items() if k not in ("set", "baseline")}
    return Rule(when, entry.get("set", {}), entry.get("baseline", {}))
