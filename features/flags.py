"""Mechanisms and demands as `KEY=VALUE` words of a command line."""

from __future__ import annotations

from collections.abc import Iterable

from features.errors import InvalidInput, Problem, unknown_name
from features.vocabulary import vocabulary


def options_of(pairs: Iterable[str]) -> dict[str, str]:
    """The record of `KEY=VALUE` flags. Raises InvalidInput."""
    words = vocabulary()
    known = [*words.mechanisms, *words.demand_fields]
    record: dict[str, str] = {}
    problems = []
    for pair in pairs:
        key, equals, value = (part.strip() for part in pair.partition("="))
        if not (key and equals and value):
            problems.append(Problem("with", f"KEY=VALUE is needed, not {pair[:60]!r}"))
        elif key not in known:
            problems.append(unknown_name("option", key, known))
        elif key in record:
            problems.append(Problem(key, "is given twice"))
        else:
            record[key] = value
    if problems:
        raise InvalidInput(problems)
    return record
