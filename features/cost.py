"""What performance costs (reference 6.2, F16). The reference subtracts a performance factor without
a unit from money (erratum E7); the right form divides money by what it buys."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from features.errors import InvalidInput, Problem, unknown_name
from features.properties import Properties, properties

MB_PER_GB = 1000.0
HOST_PARTS = ("hardware", "software", "power", "operations")
MOST_USD = 1e15
GIVEN = "given by the caller"


def total_cost(hardware: float, software: float, power: float, operations: float) -> float:
    """Total cost of ownership: its four parts, all in one unit of money over one span of time."""
    return hardware + software + power + operations


def cost_per_retained(cost: float, retained: float) -> float:
    """Cost per unit of retained performance (6.2.1's column of cost by performance).

    cost in any unit, above 0; retained relative to bare metal, above 0.
    """
    return cost / retained


def density_per_host(memory_gb: float, memory_mb: float) -> int:
    """Instances of memory_mb each that a host of memory_gb holds.

    A host of 25 GB gives the four densities of 6.2.1.
    """
    return math.floor(memory_gb * MB_PER_GB / memory_mb)


def hosts_needed(instances: float, density: int) -> int:
    """Hosts that carry `instances`, `density` (at least 1) on each."""
    return math.ceil(instances / density)


@dataclass(frozen=True)
class CostInputs:
    """What the caller knows better than the shipped properties. Raises InvalidInput.

    relative_cost: runtime -> cost relative to a VM; tco_usd: runtime -> USD over three years;
    host_usd: the parts of HOST_PARTS -> USD for one host over three years, shared by as many
    of the `instances` as it holds; workload_memory_mb comes on top of the runtime's own memory.
    """

    relative_cost: Mapping[str, float] = field(default_factory=dict)
    tco_usd: Mapping[str, float] = field(default_factory=dict)
    host_usd: Mapping[str, float] = field(default_factory=dict)
    instances: float | None = None
    workload_memory_mb: float = 0.0

    def __post_init__(self) -> None:
        problems = []
        for name in ("relative_cost", "tco_usd"):
            for runtime, value in getattr(self, name).items():
                place = f"{name}.{runtime}"
                if runtime not in properties():
                    problems.append(unknown_name(place, runtime, properties(), "runtime"))
                else:
                    problems += outside(place, value, 1e-9, MOST_USD)
        for part, value in self.host_usd.items():
            if part not in HOST_PARTS:
                problems.append(unknown_name(f"host_usd.{part}", part, HOST_PARTS, "part"))
            else:
                problems += outside(f"host_usd.{part}", value, 0.0, MOST_USD)
        problems += outside("instances", self.instances, 1.0, 1e9)
        problems += outside("workload_memory_mb", self.workload_memory_mb, 0.0, 1e9)
        if self.relative_cost and self.in_usd:
            said = "rank either by relative costs or by USD: leave one out"
            problems.append(Problem("relative_cost", said))
        if self.host_usd and self.instances is None:
            problems.append(Problem("instances", "is required with host_usd"))
        if self.instances is not None and not self.host_usd:
            problems.append(Problem("instances", "means nothing without host_usd"))
        if self.host_usd and not sum(self.host_usd.values()) > 0:
            problems.append(Problem("host_usd", "sums to 0"))
        if problems:
            raise InvalidInput(problems)

    @property
    def in_usd(self) -> bool:
        """Whether runtimes are ranked by USD; by relative cost otherwise."""
        return bool(self.tco_usd or self.host_usd)

    def tco(self, found: Properties, density: int) -> float:
        """USD over three years: given, from the host's costs, or the shipped figure."""
        if found.runtime in self.tco_usd:
            return self.tco_usd[found.runtime]
        if self.host_usd and self.instances is not None:
            host = total_cost(*(self.host_usd.get(part, 0.0) for part in HOST_PARTS))
            return hosts_needed(self.instances, max(density, 1)) * host
        return found.tco_3y_usd.value

    def cost(self, found: Properties, tco: float) -> float:
        """What runtimes are ranked by, before it is divided by what they retain."""
        if self.in_usd:
            return tco
        return self.relative_cost.get(found.runtime, found.relative_cost.value)

    def sources(self, found: Properties) -> dict[str, str]:
        """Where each property comes from, with what the caller replaced."""
        made = dict(found.sources)
        if found.runtime in self.relative_cost:
            made["relative_cost"] = GIVEN
        if found.runtime in self.tco_usd:
            made["tco_3y_usd"] = GIVEN
        elif self.host_usd:
            made["tco_3y_usd"] = "reference 6.2 (F16): the hosts needed, by the costs given for one"
        return made


def outside(name: str, value: float | None, low: float, high: float) -> list[Problem]:
    """The problem of a number that is not from low to high; None is not given."""
    if value is None or low <= value <= high:
        return []
    shown = f"{value:g}" if isinstance(value, float) else str(value)[:20]
    return [Problem(name, f"must be {low:g} to {high:g}, not {shown}")]
