"""Columns of a table of measurements as arrays, without an object for each row.

As features.columns: all rows are looked at at once, and a row that is in doubt is read as any other
measurement is (measurement_from_record), which decides and says why. That a row repeats another is
not looked for: that needs all rows at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from datasets.measurement import ORIGINS
from datasets.row import (
    AGREEMENT,
    FRONT_COLUMNS,
    REAR_COLUMNS,
    REQUIRED_COLUMNS,
    SPANS,
    measurement_from_record,
    options_in,
    text_of,
)
from datasets.units import canonical_unit
from features.chunks import Chunk, Piece, read_chunks
from features.columns import (
    Array,
    Coded,
    Codes,
    Column,
    Columns,
    Flags,
    Frame,
    Kinds,
    cells_of,
    coded,
    distinct,
    numbers,
    read_columns,
    scenario_kinds,
)
from features.errors import InvalidInput, Problem
from features.scenario import RESOURCE_CLASSES, Scenario, is_empty
from features.table import ScenarioTable, named
from features.vocabulary import vocabulary

_NATIVE = "native"


def measurement_kinds() -> Kinds:
    """The columns that a table of measurements may have, and which hold numbers."""
    rest = [key for key in (*FRONT_COLUMNS, *REAR_COLUMNS) if key not in scenario_kinds()]
    return scenario_kinds() | {key: key in SPANS for key in rest}


@dataclass(frozen=True)
class MeasuredColumns:
    """The good rows (m) of n rows of columns, and what is wrong with the others.

    columns: their scenarios; retained: (m,); source: (m,) coded, never empty; spread, repeats: (m,)
    NaN where unknown; origin: (m,) places in ORIGINS; cautioned: (m,) bool; resource: (m,) codes in
    RESOURCE_CLASSES; baseline: (k,) the rows, of the m, that were measured against another runtime
    than bare metal, and baselines the scenarios of that; problems: number of a row (of the n) and
    one thing that is wrong with it, in the order of the rows.
    """

    columns: Columns
    retained: Array
    source: Coded
    spread: Array
    repeats: Array
    origin: Codes
    cautioned: Flags
    resource: Codes
    baseline: Codes
    baselines: ScenarioTable
    problems: Sequence[tuple[int, Problem]]

    def __len__(self) -> int:
        return len(self.retained)

    @property
    def good(self) -> Codes:
        """The rows' numbers (m,) among the n."""
        return self.columns.good

    @property
    def table(self) -> ScenarioTable:
        """The rows' scenarios."""
        return self.columns.table


def read_measured(frame: Frame) -> MeasuredColumns:
    """Measurements from columns of equal length. Raises ValueError when they differ in length."""
    scenario_keys = scenario_kinds()
    columns = read_columns({key: c for key, c in frame.items() if key in scenario_keys})
    size = len(next(iter(frame.values()))) if frame else 0
    read = _Read(frame, size)
    wrong = np.ones(size, dtype=bool)
    wrong[columns.good] = False
    doubtful = wrong | read.doubtful()
    unread: dict[int, list[Problem]] = {}
    for row, problem in columns.problems:
        unread.setdefault(row, []).append(problem)
    problems: list[tuple[int, Problem]] = []
    for row in np.flatnonzero(doubtful).tolist():
        cells = {k: text_of(v).strip() for k, v in cells_of(frame, row).items() if not is_empty(v)}
        told = unread.get(row, [])
        try:
            measurement_from_record(cells, "")
        except InvalidInput as error:
            told = list(error.problems)
        problems += [(row, problem) for problem in told]
    good = np.ones(size, dtype=bool)
    good[[row for row, _ in problems]] = False
    kept = np.flatnonzero(good[columns.good])
    return read.measured(columns.take(kept), problems)


def measured_chunks(piece: Piece) -> Iterator[tuple[Chunk, MeasuredColumns]]:
    """The rows of a piece of a table, a chunk at a time. Raises InvalidInput naming file and row
    of what is wrong."""
    for chunk in read_chunks(piece, measurement_kinds()):
        read = read_measured(chunk.frame)
        if read.problems:
            raise chunk.refusal(read.problems)
        yield chunk, read


def record_at(frame: Frame, row: int) -> dict[str, str]:
    """One row of columns as text cells, those that are filled."""
    return {k: text_of(v) for k, v in cells_of(frame, row).items() if not is_empty(v)}


class _Read:
    """The columns of measurements (n rows) that are no scenario's."""

    def __init__(self, frame: Frame, size: int) -> None:
        self._size = size
        nothing = Coded(np.full(size, -1), ())
        texts = ("source", "origin", "resource", "unit", "caution")
        self._texts = {key: coded(frame.get(key, nothing)) for key in texts}
        held = ("baseline_runtime", "baseline_options")
        self._baseline = {key: coded(frame.get(key, nothing)) for key in held}
        unknown: Column = np.full(size, np.nan)
        self._numbers = {key: numbers(frame.get(key, unknown)) for key in SPANS}
        self._required = {key: coded(frame.get(key, nothing)) for key in REQUIRED_COLUMNS}
        runtimes = self._baseline["baseline_runtime"]
        self._held = runtimes.each(lambda name: name != _NATIVE, False)
        self._holds, self._codes = self._baselines()

    def doubtful(self) -> Flags:
        """The rows (n,) that are perhaps no measurement."""
        found = ~self._holds
        for column in self._required.values():
            found |= ~column.each(bool, False)
        for key, (values, none) in self._numbers.items():
            inside = SPANS[key].holds(values)
            if SPANS[key].whole:
                inside &= np.floor(values) == values
            found |= none | ~(inside | np.isnan(values))
        found |= ~self._texts["origin"].each(lambda word: word in ORIGINS, True)
        found |= ~self._texts["resource"].each(lambda word: word in RESOURCE_CLASSES, True)
        found |= ~self._texts["unit"].each(lambda unit: canonical_unit(unit) is not None, True)
        return found | self._disagree()

    def _disagree(self) -> Flags:
        """Where the retained is not that of the values."""
        retained, value, base = (
            self._numbers[k][0] for k in ("retained", "value", "baseline_value")
        )
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratio, kept = np.log(value / base), np.log(retained)
            apart = np.minimum(np.abs(kept - ratio), np.abs(kept + ratio))
        # What lies on the edge is judged by the one that says so.
        agree = apart <= AGREEMENT * (1.0 - 1e-9)
        return ~(np.isnan(value) | np.isnan(base) | np.isnan(retained) | agree)

    def _baselines(self) -> tuple[Flags, Codes]:
        """Whether what a row was compared with (n,) can be, and its codes (coded, n)."""
        first, place = distinct(self._baseline.values(), self._size)
        codes = np.zeros((len(named().presets), len(first)), dtype=np.int64)
        holds = np.zeros(len(first), dtype=bool)
        some = next(iter(vocabulary().workloads))
        for i, row in enumerate(first.tolist()):
            cells = (column.cell(row) for column in self._baseline.values())
            runtime, options = ("" if cell is None else str(cell).strip() for cell in cells)
            problems: list[Problem] = []
            given = options_in(options, problems)
            if runtime in ("", _NATIVE):
                holds[i] = not given and not problems
                continue
            try:
                # Whether the workload is one is for the row's own scenario to say.
                Scenario(runtime, some, mechanisms=given)
            except InvalidInput:
                continue
            holds[i] = not problems
            codes[:, i] = named().presets[:, named().runtimes[runtime]]
            for key, value in given.items():
                where, values = named().mechanisms[key]
                codes[where, i] = values[value]
        return holds[place], codes[:, place]

    def measured(
        self, columns: Columns, problems: Sequence[tuple[int, Problem]]
    ) -> MeasuredColumns:
        """The rows of `columns`, which are known to be good."""
        rows = columns.good
        taken = {key: column.take(rows) for key, column in self._texts.items()}
        figures = {key: values[rows] for key, (values, _) in self._numbers.items()}
        resource = taken["resource"].each(partial(_place, RESOURCE_CLASSES), -1)
        held = np.flatnonzero(self._held[rows])
        same = columns.table.take(held)
        return MeasuredColumns(
            columns,
            figures["retained"],
            Coded(taken["source"].codes, [str(v).strip() for v in taken["source"].values]),
            figures["spread"],
            figures["repeats"],
            taken["origin"].each(partial(_place, ORIGINS), ORIGINS.index("measured")),
            taken["caution"].each(bool, False),
            np.where(resource < 0, columns.resource, resource),
            held,
            ScenarioTable(
                self._codes[:, rows[held]],
                same.workload,
                same.demand_rows,
                same.host_rows,
                same.known,
            ),
            problems,
        )


def _place(words: Sequence[str], word: str) -> int:
    """The place of a word; -1 for one that no good row has."""
    return words.index(word) if word in words else -1
