"""The prior's constants: named sets of numbers, each with its range, unit and source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from features.vocabulary import read_toml, vocabulary

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Constant:
    """One number: its value, the range of its source, and where it comes from."""

    value: float
    low: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"{self.value} outside its range [{self.low}, {self.high}]")

    @property
    def kind(self) -> str:
        """reference, assumed, or cited."""
        first = self.source.split(" ")[0].rstrip(":")
        return first if first in ("reference", "assumed") else "cited"


@dataclass(frozen=True)
class Quantity:
    """A physical quantity, one constant for each value of what it depends on."""

    name: str
    by: str
    unit: str
    formula: str
    better: str
    entries: Mapping[str, Constant]


@cache
def quantities() -> Mapping[str, Quantity]:
    """The shipped quantities, in the order of the data file."""
    found = {}
    for name, entry in read_toml("constants.toml").items():
        head = {k: entry.pop(k) for k in ("by", "unit", "formula", "better")}
        keys = _keys(head["by"])
        if set(entry) - set(keys):
            raise ValueError(f"constants.toml, {name}: unknown {set(entry) - set(keys)}")
        try:
            entries = {k: Constant(*entry[k]) for k in keys if k in entry}
        except ValueError as error:
            raise ValueError(f"constants.toml, {name}: {error}") from error
        found[name] = Quantity(name, entries=MappingProxyType(entries), **head)
    return MappingProxyType(found)


def _keys(by: str) -> tuple[str, ...]:
    words = vocabulary()
    if by == "runtime":
        return tuple(words.runtimes)
    return words.mechanisms[by].values if by else ("value",)


# A constant by its quantity and its key there.
Entry = tuple[str, str]


def place_of(entry: Entry) -> int:
    """Where a constant stands in its quantity's vector: the code of its key."""
    return _keys(quantities()[entry[0]].by).index(entry[1])


@dataclass(frozen=True)
class Constants:
    """One set of values: for each quantity a vector over what it depends on.

    The order of a vector is that of the vocabulary, so that codes of a scenario table index it.
    """

    name: str
    vectors: Mapping[str, Array]

    def __getitem__(self, quantity: str) -> Array:
        return self.vectors[quantity]

    def value(self, entry: Entry) -> float:
        """One constant of the set."""
        return float(self.vectors[entry[0]][place_of(entry)])

    @cached_property
    def flat(self) -> Array:
        """All vectors end to end, as `layout` has them."""
        return np.concatenate([self.vectors[name] for name in layout().number])


@dataclass(frozen=True)
class Layout:
    """Where quantities stand when their vectors are put end to end.

    number: quantity -> its number; by: what each depends on; start: (quantities,) where each
    begins.
    """

    number: Mapping[str, int]
    by: tuple[str, ...]
    start: NDArray[np.int64]


@cache
def layout() -> Layout:
    """The layout of the shipped quantities, in the order of the data file."""
    by = tuple(q.by for q in quantities().values())
    sizes = [len(_keys(b)) for b in by]
    start = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    return Layout({name: i for i, name in enumerate(quantities())}, by, start)


class ConstantSets:
    """s sets side by side, so that a formula is evaluated under all of them at once."""

    def __init__(self, sets: Sequence[Constants]) -> None:
        self.sets = tuple(sets)
        self.flat = np.stack([values.flat for values in self.sets])

    def __len__(self) -> int:
        return len(self.sets)


def constants(name: str = "reference") -> Constants:
    """A named set: `reference`, or its `optimistic` and `pessimistic` ends of all ranges."""
    return _set(name)


# What a named set takes of a constant's range.
_ENDS: Mapping[str, Callable[[Quantity, Constant], float]] = {
    "reference": lambda _, c: c.value,
    "optimistic": lambda q, c: c.low if q.better == "low" else c.high,
    "pessimistic": lambda q, c: c.high if q.better == "low" else c.low,
}


@cache
def _set(name: str) -> Constants:
    if name not in _ENDS:
        raise ValueError(f"no set of constants {name!r}; one of {', '.join(_ENDS)}")
    pick = _ENDS[name]
    return Constants(name, {q.name: _vector(q, pick) for q in quantities().values()})


def _vector(quantity: Quantity, pick) -> Array:
    return np.array(
        [
            pick(quantity, quantity.entries[k]) if k in quantity.entries else np.nan
            for k in _keys(quantity.by)
        ]
    )


def adjustable() -> tuple[Entry, ...]:
    """Quantity and key of every constant whose source gives a range, in the data file's order."""
    return tuple(
        (q.name, key)
        for q in quantities().values()
        for key, c in q.entries.items()
        if c.low < c.high
    )


def limits(entry: Entry) -> tuple[float, float]:
    """The positions of a constant's range: -1 its low end, 0 its value, 1 its high end."""
    constant = quantities()[entry[0]].entries[entry[1]]
    return -float(constant.low < constant.value), float(constant.high > constant.value)


def moved(positions: Mapping[Entry, float], name: str = "fitted") -> Constants:
    """The reference's set with constants moved inside their ranges, as positions (see `limits`).

    In between it goes by ratios, by differences where an end is 0 or below. What lies beyond a
    range is held at its end.
    """
    vectors = {q: vector.copy() for q, vector in constants().vectors.items()}
    for entry, position in positions.items():
        constant = quantities()[entry[0]].entries[entry[1]]
        vectors[entry[0]][place_of(entry)] = _at(constant, position, *limits(entry))
    return Constants(name, vectors)


def replaced(values: Constants, own: Mapping[Entry, Constant]) -> Constants:
    """A set with a host's own constants in it, whose ranges take the place of the published ones:
    an end of all ranges has their ends, any other set their values."""
    pick = _ENDS.get(values.name, _ENDS["reference"])
    vectors = dict(values.vectors)
    for entry, constant in own.items():
        vectors[entry[0]] = vectors[entry[0]].copy()
        vectors[entry[0]][place_of(entry)] = pick(quantities()[entry[0]], constant)
    return Constants(values.name, vectors)


def _at(constant: Constant, position: float, low: float, high: float) -> float:
    held = min(max(position, low), high)
    end = constant.high if held > 0.0 else constant.low
    if constant.value > 0.0 and end > 0.0:
        return constant.value * (end / constant.value) ** abs(held)
    return constant.value + (end - constant.value) * abs(held)


def draw(rng: np.random.Generator) -> Constants:
    """A set drawn from the ranges: triangular about each value, one draw for each constant."""

    def pick(_: Quantity, c: Constant) -> float:
        return c.value if c.low == c.high else float(rng.triangular(c.low, c.value, c.high))

    return Constants("drawn", {q.name: _vector(q, pick) for q in quantities().values()})
