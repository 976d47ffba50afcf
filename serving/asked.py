"""Questions in columns: scenarios with how to answer each, without an object for each row.

As features.columns: a row that is in doubt is read as any other question is (question_from_flat),
which decides and says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.columns import (
    Coded,
    Codes,
    Column,
    Columns,
    Flags,
    Frame,
    Kinds,
    cells_of,
    coded,
    numbers,
    read_columns,
    scenario_kinds,
)
from features.errors import InvalidInput, Problem, unknown_name
from features.native import MAX_NATIVE_VALUE, TEXT_OPTIONS, NativeValue, is_unit
from features.scenario import is_empty
from models.prediction import DEFAULT_LEVEL, LEVEL_RANGE
from serving.flat import question_from_flat
from serving.questions import OPTIONS

Array = NDArray[np.float64]


def question_kinds() -> Kinds:
    """The columns that a table of questions may have, and which hold numbers."""
    return scenario_kinds() | {name: name not in TEXT_OPTIONS for name in OPTIONS}


@dataclass(frozen=True)
class Asked:
    """The good rows (m) of n rows of columns, and what is wrong with the others.

    level: (m,); native: (m,) what bare metal does on the scenario's cores, NaN where it is not
    told; is_time: (m,) whether less of that is better.
    """

    columns: Columns
    level: Array
    native: Array
    is_time: Flags
    problems: Sequence[tuple[int, Problem]]

    @property
    def good(self) -> Codes:
        """The rows' numbers (m,) among the n."""
        return self.columns.good

    def values(self, retained: Array) -> Array:
        """What the native values become (m,) where so much is retained (m,)."""
        return np.where(self.is_time, self.native / retained, self.native * retained)


def check_defaults(given: Mapping[str, str]) -> None:
    """Raises InvalidInput for what no row could take as its default."""
    kinds, problems = question_kinds(), []
    for key, text in given.items():
        if key not in kinds:
            problems.append(unknown_name(key, key, kinds, "column or option"))
        elif kinds[key] and numbers(Coded(np.zeros(1, dtype=np.int64), [text]))[1].any():
            problems.append(Problem(key, f"a number is needed, not {text[:40]!r}"))
    if problems:
        raise InvalidInput(problems)


def with_defaults(frame: Frame, given: Mapping[str, str], size: int) -> dict[str, Column]:
    """Columns (size,) whose empty cells are as given, by name of the column."""
    kinds, filled = question_kinds(), dict(frame)
    for key, text in given.items():
        column = frame.get(key)
        if isinstance(column, np.ndarray) and kinds[key]:
            filled[key] = np.where(np.isnan(column), float(text), column)
            continue
        known = coded(np.full(size, np.nan) if column is None else column)
        codes = np.where(known.codes < 0, len(known.values), known.codes)
        filled[key] = Coded(codes, [*known.values, text])
    return filled


def read_asked(frame: Frame) -> Asked:
    """Questions from columns of equal length. Raises ValueError when they differ in length."""
    kinds = scenario_kinds()
    columns = read_columns({key: c for key, c in frame.items() if key in kinds})
    size = len(next(iter(frame.values()))) if frame else 0
    unread: dict[int, list[Problem]] = {}
    for row, problem in columns.problems:
        unread.setdefault(row, []).append(problem)
    options = _Options(frame, size)
    doubtful = options.doubtful()
    doubtful[list(unread)] = True
    native = options.native
    problems: list[tuple[int, Problem]] = []
    for row in np.flatnonzero(doubtful).tolist():
        cells = {key: v for key, v in cells_of(frame, row).items() if not is_empty(v)}
        told = unread.get(row, [])
        try:
            question = question_from_flat(cells)
            if question.native is not None:
                native[row] = question.native.at(question.scenario)
        except InvalidInput as error:
            told = list(error.problems)
        problems += [(row, problem) for problem in told]
    good = np.ones(size, dtype=bool)
    good[[row for row, _ in problems]] = False
    columns = columns.take(np.flatnonzero(good[columns.good]))
    rows = columns.good
    return Asked(columns, options.level[rows], native[rows], options.is_time[rows], problems)


class _Options:
    """How to answer rows (n) of columns."""

    def __init__(self, frame: Frame, size: int) -> None:
        nothing = Coded(np.full(size, -1), ())
        held: dict[str, Column] = {key: frame.get(key, nothing) for key in OPTIONS}
        level, self._no_level = numbers(held["level"])
        self.level = np.where(np.isnan(level), DEFAULT_LEVEL, level)
        self.native, self._no_native = numbers(held["native_value"])
        self._unit = coded(held["unit"])
        # These ask for another row's worth of thought each, and are few.
        self._others = (coded(held["native_cores"]).codes >= 0) | (
            coded(held["scaling"]).codes >= 0
        )
        self.is_time = self._unit.each(lambda unit: NativeValue(1.0, unit).is_time, False)

    def doubtful(self) -> Flags:
        """The rows (n,) that are perhaps wrong."""
        above, most = LEVEL_RANGE
        told = ~np.isnan(self.native)
        wrong = self._no_level | self._no_native | self._others
        wrong |= ~((self.level > above) & (self.level <= most))
        wrong |= told & ~((self.native > 0.0) & (self.native <= MAX_NATIVE_VALUE))
        wrong |= told != (self._unit.codes >= 0)
        return wrong | ~self._unit.each(is_unit, True)
