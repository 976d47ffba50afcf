"""What was worked out for a key, kept within a bound: many keys are asked for at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_MISSING: Any = object()


class Kept(Generic[T]):
    """Answers by their keys, at most so many, none when that is 0."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._answers: dict[Hashable, T] = {}

    def of(self, keys: Sequence[Hashable], make: Callable[[list[int]], Sequence[T]]) -> list[T]:
        """The answer to each key, one object for all that are the same; `make` answers the places
        of those that are new."""
        # Other threads may clear what is kept at any time.
        there = {key: self._answers.get(key, _MISSING) for key in set(keys)}
        found = {key: answer for key, answer in there.items() if answer is not _MISSING}
        new = {key: i for i, key in enumerate(keys) if key not in found}
        if new:
            made = dict(zip(new, make(list(new.values())), strict=True))
            found.update(made)
            if len(self._answers) + len(made) > self._most:
                self._answers.clear()
            if len(made) <= self._most:
                self._answers.update(made)
        return [found[key] for key in keys]
