"""The columns that the parts of the prior need, worked out once for a table and its constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.constants import Constants, quantities
from features.network import round_trip_us
from features.table import ScenarioTable
from features.vocabulary import RESOURCES, vocabulary

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One mechanism's share in the prior: what it slows, by which formula, from which source."""

    name: str
    resource: str
    formula: str
    source: str


class Terms:
    """n scenarios under one set of constants: demands, host, and native times [us] by resource."""

    def __init__(self, table: ScenarioTable, values: Constants) -> None:
        self.table = table
        self.values = values
        self.demand = table.demands
        self.host = table.host
        self._made: dict[Callable[[Terms], Array], Array] = {}
        self._native_time()

    def of(self, quantity: str) -> Array:
        """A quantity's constant for each row."""
        return self.values[quantity][self.table.code(quantities()[quantity].by)]

    def native_of(self, quantity: str) -> Array:
        """The same constant on bare metal: the first entry of what it depends on."""
        return self.values[quantity][:1]

    def entry(self, quantity: str, key: str) -> float:
        """The constant of one value of what the quantity depends on."""
        return self.values.value((quantity, key))

    def has(self, mechanism: str, value: str | None = None) -> NDArray[np.bool_]:
        """Where a mechanism has a value; without one, where it is not its first, which is none."""
        codes = self.table.mechanisms[mechanism]
        if value is None:
            return codes > 0
        return codes == vocabulary().mechanisms[mechanism].values.index(value)

    def added(self, part: Callable[[Terms], Array]) -> Array:
        """The time (n,) [us] that a part adds, worked out once."""
        if part not in self._made:
            self._made[part] = np.broadcast_to(part(self), (len(self.table),))
        return self._made[part]

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
        shares = np.stack([d[r] for r in RESOURCES], axis=1)
        self.native_us = shares * service_us[:, None]
        self.native_us[:, 2] += self.trip_us
        self.cpu_us, self.memory_us, self.network_us, self.storage_us = self.native_us.T
        self.network_service_us = self.network_us - self.trip_us


PartTime = tuple[Part, Callable[[Terms], Array]]
