"""Columns of a table of scenarios as a ScenarioTable, without an object for each row.

Only what two rows can share is looked at once for both: each runtime with its options, and each
name of a workload, through Scenario itself. Numbers are compared with the same ranges, all rows
at once. A row that is in doubt is read as any other scenario is (scenario_from_flat): that one
decides, so that the same rows are refused with the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import InvalidInput, Problem
from features.scenario import (
    HOST_FIELDS,
    HOST_RANGES,
    OWN_PROFILE,
    Scenario,
    is_empty,
    scenario_from_flat,
)
from features.table import ScenarioTable, known_hosts, named
from features.vocabulary import RESOURCES, vocabulary

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Of a sum of shares, which is judged to 1e-6: what lies this near to that is in doubt.
_SHARES_IN_DOUBT = 1e-6 - 1e-9


@dataclass(frozen=True)
class Coded:
    """Cells (n,) as places in a list of distinct values; -1 is an empty cell."""

    codes: Codes
    values: Sequence[Any]

    def __len__(self) -> int:
        return len(self.codes)

    def cell(self, row: int) -> Any:
        """One cell, None where it is empty."""
        code = self.codes[row]
        return None if code < 0 else self.values[code]

    def each(self, make: Callable[[str], Any], empty: Any) -> NDArray[Any]:
        """(n,): what `make` makes of each cell's stripped text, `empty` for an empty one."""
        made = [make(str(value).strip()) for value in self.values]
        return np.array([*made, empty])[self.codes]

    def take(self, index: Codes) -> Coded:
        """The cells of `index`."""
        return Coded(self.codes[index], self.values)


# A column's name -> whether it holds numbers.
Kinds = Mapping[str, bool]


def scenario_kinds() -> dict[str, bool]:
    """The columns that a table of scenarios may have."""
    words = vocabulary()
    texts = ("runtime", "workload", *words.mechanisms)
    return dict.fromkeys(texts, False) | dict.fromkeys((*HOST_FIELDS, *words.demand_fields), True)


# Numbers (n,) with NaN where a cell is empty, or cells of any kind: objects (n,) or coded.
Column = NDArray[Any] | Coded
Frame = Mapping[str, Column]


@dataclass(frozen=True)
class Columns:
    """The good rows (m) of n rows of columns, and what is wrong with the others.

    given: key -> (m,) whether a row names that mechanism; good: (m,) the rows' numbers;
    problems: number of a row and one thing that is wrong with it, in the order of the rows.
    """

    table: ScenarioTable
    given: Mapping[str, Flags]
    good: Codes
    problems: Sequence[tuple[int, Problem]]

    def __len__(self) -> int:
        return len(self.good)

    @property
    def resource(self) -> Codes:
        """The codes (m,) of what the rows' workloads exercise."""
        return self.table.resource

    def take(self, index: Codes) -> Columns:
        """The good rows of `index`, with the same problems."""
        given = {key: flags[index] for key, flags in self.given.items()}
        return Columns(self.table.take(index), given, self.good[index], self.problems)


def read_columns(frame: Frame) -> Columns:
    """Scenarios from columns of equal length, mechanisms and demands named by their key.

    Raises ValueError when the columns differ in length.
    """
    lengths = {len(column) for column in frame.values()}
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    size = lengths.pop() if lengths else 0
    read = _Read(frame, size)
    doubtful = read.doubtful()
    problems: list[tuple[int, Problem]] = []
    good = np.ones(size, dtype=bool)
    for row in np.flatnonzero(doubtful).tolist():
        try:
            scenario_from_flat(cells_of(frame, row))
        except InvalidInput as error:
            good[row] = False
            problems += [(row, problem) for problem in error.problems]
    rows = np.flatnonzero(good)
    return Columns(read.table(rows), read.given(rows), rows, problems)


def cells_of(frame: Frame, row: int) -> dict[str, Any]:
    """One row of columns as a flat record; an empty cell is None or not a number."""
    return {key: _cell(column, row) for key, column in frame.items()}


def _cell(column: Column, row: int) -> Any:
    if isinstance(column, Coded):
        return column.cell(row)
    cell = column[row]
    return cell.item() if isinstance(cell, np.generic) else cell


def coded(column: Column) -> Coded:
    """The distinct values of a column; empty cells become -1."""
    if isinstance(column, Coded):
        silent = [code for code, value in enumerate(column.values) if is_empty(value)]
        if not silent:
            return column
        return Coded(np.where(np.isin(column.codes, silent), -1, column.codes), column.values)
    if column.dtype.kind == "f" and np.isnan(column).all():
        return Coded(np.full(len(column), -1), ())
    places: dict[Any, int] = {}
    codes = [
        -1 if is_empty(cell) else places.setdefault(cell, len(places)) for cell in column.tolist()
    ]
    return Coded(np.array(codes, dtype=np.int64), tuple(places))


def numbers(column: Column) -> tuple[Array, Flags]:
    """The numbers (n,) of a column, NaN where a cell is empty or is none, and where it is none
    though it is not empty."""
    if not isinstance(column, Coded) and column.dtype.kind in "fiub":
        return column.astype(float), np.zeros(len(column), dtype=bool)
    if isinstance(column, Coded):
        found = [_number(value) for value in column.values]
        values = np.array([*(n for n, _ in found), np.nan])[column.codes]
        return values, np.array([*(bad for _, bad in found), False])[column.codes]
    found = [_number(cell) for cell in column.tolist()]
    return np.array([n for n, _ in found], dtype=float), np.array([b for _, b in found], dtype=bool)


def _number(cell: Any) -> tuple[float, bool]:
    if is_empty(cell):
        return np.nan, False
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return np.nan, True
    return number, number != number


def distinct(columns: Iterable[Coded], size: int) -> tuple[Codes, Codes]:
    """Of rows (n,) of coded columns: the first row of each combination (k,), and which one a row
    has (n,)."""
    key, radix = np.zeros(size, dtype=np.int64), 1
    for column in columns:
        count = len(column.values) + 1
        if radix * count >= 2**62:
            key = np.unique(key, return_inverse=True)[1].reshape(-1)
            radix = len(key)
        key = key * count + (column.codes + 1)
        radix *= count
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return first, place.reshape(-1)


class _Read:
    """Columns (n rows) as numbers and codes."""

    def __init__(self, frame: Frame, size: int) -> None:
        words = vocabulary()
        self._frame, self._size = frame, size
        nothing = Coded(np.full(size, -1), ())
        self._runtime = coded(frame.get("runtime", nothing))
        self._workload = coded(frame.get("workload", nothing))
        self._mechanisms = {k: coded(frame[k]) for k in words.mechanisms if k in frame}
        self._demands = {k: numbers(frame[k]) for k in words.demand_fields if k in frame}
        self._host = {k: numbers(frame[k]) for k in HOST_FIELDS if k in frame}

    def doubtful(self) -> Flags:
        """The rows (n,) that are perhaps no scenario."""
        fields, named_here = vocabulary().demand_fields, self._workload.codes >= 0
        known = self._workload.each(lambda name: name in vocabulary().workloads, False)
        profile = known.astype(bool)
        own = ~named_here | self._workload.each(lambda name: name == OWN_PROFILE, False)
        any_demand = np.zeros(self._size, dtype=bool)
        doubtful = self._unknown_columns() | ~self._options_hold
        for key, (values, none) in self._host.items():
            doubtful |= none | _outside(values, *HOST_RANGES[key])
        for key, (values, none) in self._demands.items():
            any_demand |= ~np.isnan(values)
            doubtful |= none | _outside(values, fields[key].low, fields[key].high)
        doubtful |= ~(profile | (own & any_demand))
        if self._shares:
            given = np.array([self._demands[r][0] for r in self._shares])
            asked = ~np.isnan(given)
            apart = np.abs(np.where(asked, given, 0.0).sum(axis=0) - 1.0)
            doubtful |= asked.any(axis=0) & (apart > _SHARES_IN_DOUBT)
        return doubtful

    @property
    def _shares(self) -> list[str]:
        return [r for r in RESOURCES if r in self._demands]

    def _unknown_columns(self) -> Flags:
        known = {"runtime", "workload", *self._host, *self._mechanisms, *self._demands}
        found = np.zeros(self._size, dtype=bool)
        for key in set(self._frame) - known:
            found |= coded(self._frame[key]).codes >= 0
        return found

    @cached_property
    def _options_hold(self) -> Flags:
        """Whether a row's runtime (n,) is one that can have its options."""
        columns = {"runtime": self._runtime, **self._mechanisms}
        first, place = distinct(columns.values(), self._size)
        workload = next(iter(vocabulary().workloads))
        holds = np.zeros(len(first), dtype=bool)
        words = [(key, [str(v).strip() for v in c.values]) for key, c in columns.items()]
        codes = np.stack([column.codes[first] for column in columns.values()], axis=1)
        for i, row in enumerate(codes.tolist()):
            named_here = zip(words, row, strict=True)
            options = {key: values[code] for (key, values), code in named_here if code >= 0}
            runtime = options.pop("runtime", None)
            if runtime is None:
                continue
            try:
                Scenario(runtime, workload, mechanisms=options)
            except InvalidInput:
                continue
            holds[i] = True
        return holds[place]

    def table(self, rows: Codes) -> ScenarioTable:
        """The rows of `rows`, which are known to be good."""
        names = named()
        runtimes = self._runtime.take(rows).each(partial(_code, names.runtimes), -1)
        own = names.workloads[OWN_PROFILE]
        workloads = self._workload.take(rows).each(partial(_code, names.workloads), own)
        codes = names.presets.take(runtimes, axis=1)
        demands = names.profiles.take(workloads, axis=1)
        for key, column in self._mechanisms.items():
            place, option_codes = names.mechanisms[key]
            asked = column.take(rows).each(partial(_code, option_codes), -1)
            given = column.codes[rows] >= 0
            codes[place, given] = asked[given]
        self._put_demands(demands, rows)
        host = np.full((len(HOST_FIELDS), len(rows)), np.nan)
        for key, (values, _) in self._host.items():
            host[HOST_FIELDS.index(key)] = values[rows]
        return ScenarioTable(codes, workloads, demands, *known_hosts(host))

    def _put_demands(self, demands: Array, rows: Codes) -> None:
        fields = list(vocabulary().demand_fields)
        given = {key: values[rows] for key, (values, _) in self._demands.items()}
        if self._shares:
            asked = ~np.isnan(np.array([given[r] for r in self._shares])).all(axis=0)
            for resource in RESOURCES:
                demands[fields.index(resource), asked] = 0.0
        for key, values in given.items():
            there = ~np.isnan(values)
            demands[fields.index(key), there] = values[there]

    def given(self, rows: Codes) -> dict[str, Flags]:
        """Which of `rows` name a mechanism, for those that any names."""
        flags = {key: column.codes[rows] >= 0 for key, column in self._mechanisms.items()}
        return {key: named_here for key, named_here in flags.items() if named_here.any()}


def _code(codes: Mapping[str, int], name: str) -> int:
    """The code of a name; -1 for one that no good row has."""
    return codes.get(name, -1)


def _outside(values: Array, low: float, high: float) -> Flags:
    """What is known and not inside a range (n,)."""
    return (values < low) | (values > high)
