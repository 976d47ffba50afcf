"""The prior of one scenario after another that differ in their hosts alone.

All but the host fixes most of what the parts' formulas work out. So the formulas are evaluated once
with a host that notes what is done to it, and for each further host only that is done again, by the
same functions in the same order. What is noted are calls of numpy: a formula that takes a host's
numbers out of it (float(), an if) cannot be recorded, and raises TypeError when it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from features.constants import ConstantSets
from features.integration import NODES, ExpectedPrior, averaged, expected_priors
from features.parts.terms import Terms
from features.prior import PART_TIMES, Native
from features.scenario import HOST_FIELDS, Scenario
from features.table import ScenarioTable

Array = NDArray[np.float64]

# Recordings that are kept, of some 30 kB each: all runtimes with all workloads are about as many.
_KEPT = 1024


_TAKEN_OUT = "a formula takes the numbers out of a host that is being recorded"
_NEVER_ASKED = object()
# Of each host field (k, 1, 1).
_NODES = list(NODES[:, :, None, None])


class _Noted(NDArrayOperatorsMixin):
    """A number of the host, or what was made of one: its place among the values of a recording."""

    def __init__(self, notes: _Notes, place: int) -> None:
        self.notes = notes
        self.place = place

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return (
            NotImplemented if method != "__call__" or options else self.notes.add(function, inputs)
        )

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        return NotImplemented if options else self.notes.add(function, inputs)

    def __array__(self, *_: Any, **__: Any) -> Array:
        raise TypeError(_TAKEN_OUT)

    def __bool__(self) -> bool:
        raise TypeError(_TAKEN_OUT)


class _Notes:
    """Calls as they are noted: (function, places of its inputs, place of its result)."""

    def __init__(self) -> None:
        self.values: list[Any] = [None] * len(HOST_FIELDS)
        self.calls: list[tuple[Callable[..., Array], tuple[int, ...], int]] = []
        self._results: dict[tuple[Any, ...], int] = {}
        self._fixed: dict[tuple[Any, ...], int] = {}
        self.host = {name: _Noted(self, i) for i, name in enumerate(HOST_FIELDS)}

    def add(self, function: Callable[..., Array], inputs: Sequence[Any]) -> Any:
        settled = _settled(function, inputs)
        if settled is not None:
            return settled
        places = tuple(self._place(value) for value in inputs)
        # What was asked for before is not asked again.
        result = self._results.get((function, places))
        if result is None:
            self.values.append(None)
            result = self._results[function, places] = len(self.values) - 1
            self.calls.append((function, places, result))
        return _Noted(self, result)

    def _place(self, value: Any) -> int:
        if isinstance(value, _Noted):
            return value.place
        # Numbers are slower to hand to a function than arrays of no axis.
        fixed = np.asarray(value)
        key = (fixed.shape, fixed.dtype.char, fixed.tobytes())
        if key not in self._fixed:
            self.values.append(fixed)
            self._fixed[key] = len(self.values) - 1
        return self._fixed[key]


def _settled(function: Callable[..., Array], inputs: Sequence[Any]) -> Any:
    """What a call comes to whatever the host's numbers, which are finite; None where it depends
    on them."""
    fixed = [None if isinstance(value, _Noted) else np.asarray(value) for value in inputs]
    if function is np.where and fixed[0] is not None:
        if fixed[0].all():
            return inputs[1]
        return None if fixed[0].any() else inputs[2]
    zeros = [value is not None and not value.any() for value in fixed]
    ones = [value is not None and bool((value == 1.0).all()) for value in fixed]
    if function is np.multiply:
        for this, other in ((0, 1), (1, 0)):
            if zeros[this]:
                return inputs[this]
            if ones[this]:
                return inputs[other]
    elif function is np.divide and (zeros[0] or ones[1]):
        return inputs[0]
    elif function is np.add and any(zeros):
        return inputs[1 if zeros[0] else 0]
    elif function is np.subtract and zeros[1]:
        return inputs[0]
    return None


class Recording:
    """The times of one scenario under sets of constants, as a function of its host."""

    def __init__(self, table: ScenarioTable, sets: ConstantSets) -> None:
        """Of a table of one row. Raises TypeError where a formula cannot be recorded."""
        notes = _Notes()
        terms = Terms(table, sets, cast(Mapping[str, Array], notes.host))
        made = [terms.added(time) for _, time in PART_TIMES]
        self._native = Native(terms.native_us)
        self._fixed = np.zeros((len(made), 1, len(sets), 1))
        self._parts: list[tuple[int, int]] = []
        for i, added in enumerate(made):
            if isinstance(added, _Noted):
                self._parts.append((i, added.place))
            else:
                self._fixed[i] = added
        needed, calls = {place for _, place in self._parts}, []
        for function, places, result in reversed(notes.calls):
            if result in needed:
                calls.append((function, places, result))
                needed.update(places)
        self.calls = calls[::-1]
        self._values = [v if i in needed else None for i, v in enumerate(notes.values)]

    def slowed(self, host: Sequence[Array]) -> tuple[Array, Array]:
        """Native.slowed for a host: each field (k, 1, 1), or (1,) where it is one number."""
        values = [*host, *self._values[len(HOST_FIELDS) :]]
        for function, places, result in self.calls:
            if len(places) == 2:
                first, second = places
                values[result] = function(values[first], values[second])
            else:
                values[result] = function(*[values[place] for place in places])
        count = max(map(len, host))
        added = np.empty((len(self._fixed), count, *self._fixed.shape[2:]))
        added[...] = self._fixed
        for i, place in self._parts:
            added[i] = values[place]
        return self._native.slowed(added)


def _host(scenario: Scenario, table: ScenarioTable) -> list[Array]:
    """The host of a scenario and its table: each field at its nodes where it is unknown."""
    given = (scenario.cores, scenario.memory_gb, scenario.network_gbps, scenario.storage_iops)
    return [
        nodes if number is None else known
        for number, nodes, known in zip(given, _NODES, table.host_rows, strict=True)
    ]


class Priors:
    """The integrated priors of scenarios under fixed sets of constants. One scenario at a time is
    recorded when it comes a second time with another host."""

    def __init__(self, sets: ConstantSets) -> None:
        self._sets = sets
        self._kept: dict[tuple[Any, ...], Recording | None] = {}

    @property
    def kept(self) -> int:
        """How many structures are remembered."""
        return len(self._kept)

    def of(self, scenarios: Sequence[Scenario], table: ScenarioTable) -> ExpectedPrior:
        """The priors of n scenarios and their table (see features.integration)."""
        if len(scenarios) != 1:
            return expected_priors(table, self._sets)
        recording = self._recording(scenarios[0], table)
        if recording is None:
            return expected_priors(table, self._sets)
        return averaged(*recording.slowed(_host(scenarios[0], table)))

    def _recording(self, scenario: Scenario, table: ScenarioTable) -> Recording | None:
        key = (
            scenario.runtime,
            scenario.workload,
            *scenario.mechanisms.items(),
            *scenario.demands.items(),
        )
        # Other threads may clear what is kept at any time.
        found = self._kept.get(key, _NEVER_ASKED)
        if isinstance(found, Recording):
            return found
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        made = None if found is _NEVER_ASKED else Recording(table, self._sets)
        self._kept[key] = made
        return made
