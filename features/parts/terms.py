"""The columns that the parts of the prior need, worked out once for a table and its constants.

Whatever a formula is given has the scenarios on its last axis. Before it may stand one for sets
of constants and one for places in the range of an unknown host field, so that every formula is
evaluated once for all of them: host (k, 1, n), constants (s, n), demands (n,).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from features.constants import ConstantSets, layout
from features.network import round_trip_us
from features.table import ScenarioTable, coded
from features.vocabulary import RESOURCES, vocabulary

Array = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """One mechanism's share in the prior: what it slows, by which formula, from which source."""

    name: str
    resource: str
    formula: str
    source: str


@cache
def _code_rows() -> NDArray[np.int64]:
    """For each quantity (q,), the row of a table's codes that it depends on."""
    return np.array([coded().index(by) for by in layout().by])


class Terms:
    """n scenarios under s sets of constants: demands, host, and native times [us] by resource.

    `host` stands in place of the table's own: field -> what broadcasts to (k, s, n).
    """

    def __init__(
        self, table: ScenarioTable, sets: ConstantSets, host: Mapping[str, Array] | None = None
    ) -> None:
        self.table = table
        self.sets = sets
        self.demand = table.demands
        self.host = table.host if host is None else host
        self._made: dict[Callable[[Terms], object], object] = {}
        place = layout().start[:, None] + table.codes[_code_rows()]
        # (s, quantities, n) in one look-up.
        self._constants = sets.flat.take(place, axis=1)
        self._native_time()

    def of(self, quantity: str) -> Array:
        """A quantity's constant for each set and row (s, n)."""
        return self._constants[:, layout().number[quantity]]

    def native_of(self, quantity: str) -> Array:
        """The same constant on bare metal (s, 1): the first entry of what it depends on."""
        start = layout().start[layout().number[quantity]]
        return self.sets.flat[:, start : start + 1]

    def entry(self, quantity: str, key: str) -> Array:
        """The constant (s, 1) of one value of what the quantity depends on."""
        return np.array([[values.value((quantity, key))] for values in self.sets.sets])

    def has(self, mechanism: str, value: str | None = None) -> NDArray[np.bool_]:
        """Where a mechanism has a value; without one, where it is not its first, which is none."""
        codes = self.table.code(mechanism)
        if value is None:
            return codes > 0
        return codes == vocabulary().mechanisms[mechanism].values.index(value)

    @property
    def exit_scale(self) -> Array:
        """How many exits one of a guest's is (s, n): more where it is nested. What never leaves a
        guest (a container, gVisor without KVM) pays no more in one."""
        leaves = self.has("translation") | self.has("syscall_boundary", "kvm")
        return np.where(leaves, self.of("nested_exit_scale"), 1.0)

    def once(self, make: Callable[[Terms], T]) -> T:
        """What several parts need, worked out once: the time (..., n) [us] that a part adds, or
        what it is made of."""
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]  # type: ignore[return-value]

    def added(self, part: Callable[[Terms], Array]) -> Array:
        """The time (..., n) [us] that a part adds, worked out once."""
        return self.once(part)

    def _native_time(self) -> None:
        d = self.demand
        shared = 1.0 - d["pipelined_share"] * (1.0 - 1.0 / d["pipeline_depth"])
        self.bytes_us = d["byte_ns"] * d["payload_bytes"] * 1e-3
        service_us = d["op_us"] * shared + self.bytes_us
        self.stack_us = round_trip_us(
            self.of("app_us"), self.of("kernel_us"), 0.0, self.of("wire_us")
        )
        self.round_trips = d["round_trips"] / (d["concurrency"] * d["pipeline_depth"])
        self.trip_us = self.round_trips * self.stack_us
        # (resources, s, n)
        self.native_us = np.empty((len(RESOURCES), *self.trip_us.shape))
        for place, resource in enumerate(RESOURCES):
            self.native_us[place] = d[resource] * service_us
        self.native_us[RESOURCES.index("network")] += self.trip_us
        self.cpu_us, self.memory_us, self.network_us, self.storage_us = self.native_us
        self.network_service_us = self.network_us - self.trip_us


PartTime = tuple[Part, Callable[[Terms], Array]]
