"""A guard of the protocol: the same figures under two names would be taught and scored at once.

Leaving a source out is honest only while no other source repeats it. A few figures agree by
chance (many scenarios keep all they had), so only more than a handful counts.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from datasets.measurement import Measurement
from features.errors import InvalidInput, Problem

# More figures than these in common are no accident.
HANDFUL = 5
_DIGITS = 6


@dataclass(frozen=True)
class Leak:
    """Two sources that tell `rows` identical figures, and the name of one that both tell."""

    sources: tuple[str, str]
    rows: int
    example: str

    def as_dict(self) -> dict[str, Any]:
        """The record in `leaks` of the evaluation's document."""
        return {"sources": list(self.sources), "rows": self.rows, "example": self.example}


def figure(scenario: Mapping[str, Any], baseline: str, retained: float) -> Hashable:
    """What identical figures share: scenario, baseline runtime, retained to 6 digits."""
    return json.dumps(scenario, sort_keys=True), baseline, f"{retained:.{_DIGITS}g}"


def _figure(m: Measurement) -> Hashable:
    baseline = m.baseline.runtime if m.baseline else "native"
    return figure(m.scenario.as_dict(), baseline, m.retained)


def find_leaks(rows: Sequence[Measurement], groups: Sequence[str]) -> tuple[Leak, ...]:
    """Pairs of sources of different groups with more than a handful of identical figures.

    `groups` names what is left out together with each row. Most shared first.
    """
    told: dict[Hashable, dict[str, Measurement]] = defaultdict(dict)
    group_of = {}
    for m, group in zip(rows, groups, strict=True):
        told[_figure(m)].setdefault(m.source, m)
        group_of[m.source] = group
    shared: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for by_source in told.values():
        for pair in combinations(sorted(by_source), 2):
            if group_of[pair[0]] != group_of[pair[1]]:
                shared[pair].append(by_source[pair[0]])
    found = [
        Leak(pair, len(same), _example(same[0]))
        for pair, same in shared.items()
        if len(same) > HANDFUL
    ]
    return tuple(sorted(found, key=lambda leak: (-leak.rows, leak.sources)))


def repeats(
    rows: Iterable[Measurement], taught: Mapping[Hashable, Iterable[str]]
) -> tuple[Leak, ...]:
    """Sources of rows that tell more than a handful of figures which a taught source tells.

    `taught` names the sources of each figure. A row's source stands first, whatever it is called.
    """
    shared: dict[tuple[str, str], dict[Hashable, Measurement]] = defaultdict(dict)
    for m in rows:
        for source in taught.get(_figure(m), ()):
            shared[m.source, source][_figure(m)] = m
    return tuple(
        Leak(pair, len(same), _example(next(iter(same.values()))))
        for pair, same in sorted(shared.items())
        if len(same) > HANDFUL
    )


def refuse_repeats(own: Sequence[Measurement], curated: Iterable[Measurement], where: str) -> None:
    """Refuse a user's rows that repeat curated ones, whatever source they name.

    Raises InvalidInput naming the file `where` and the source that is repeated.
    """
    taught: dict[Hashable, set[str]] = defaultdict(set)
    for m in curated:
        taught[_figure(m)].add(m.source)
    problems = [
        Problem(
            "retained",
            f"{leak.rows} rows of {leak.sources[0]} repeat curated measurements of "
            f"{leak.sources[1]}; leave them out, they are taught already",
        )
        for leak in repeats(own, taught)
    ]
    if problems:
        raise InvalidInput(problems, where)


def _example(m: Measurement) -> str:
    return f"{m.scenario.runtime} {m.scenario.workload}"
