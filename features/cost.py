"""What performance costs (reference 6.2, F16). The reference subtracts a performance factor without
a unit from money (erratum E7); the right form divides money by what it buys."""

from __future__ import annotations

import math

MB_PER_GB = 1000.0


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


def hosts_needed(instances: int, density: int) -> int:
    """Hosts that carry `instances`, `density` (at least 1) on each."""
    return math.ceil(instances / density)
