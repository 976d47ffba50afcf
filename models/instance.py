"""What one instance of a runtime costs its host: start, memory, and how many a host holds.

These have no bare metal to be relative to, so they are predicted in their own units, from few
sources that differ much. The logarithm of a figure is taken as normal over sources. The printed or
assumed figure of features.properties counts as one source more, and every source as much as any
other, so that for a source never seen

    log figure ~ N(mean of the n logs, spread^2 (1 + 1/n))

which is the closed-form posterior when the prior is as wide as the spread between sources. That
spread is pooled over all runtimes, and is at least what the range given with a figure says: where
the range is wide (a guest of a tenth of a second or of a minute) instances themselves differ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from statistics import NormalDist, fmean
from typing import Any

from features.constants import Constant, quantities
from features.cost import MB_PER_GB, density_per_host
from features.overcommit import (
    ksm_cpu_share,
    ksm_scan_s,
    memory_available_gb,
    memory_held,
    reclaim_ms,
)
from features.properties import properties
from features.reference import reference_host
from features.scenario import Scenario

# Spread between sources before any was seen (sources differ by a factor of two), worth as many
# degrees of freedom: the log standard deviations of the shipped figures are .88 and .80.
_SPREAD, _SPREAD_FREEDOM = 0.7, 4
_RANGE_LEVEL = 0.9
# Kinds of instances that are kept: every runtime with its options, at some levels.
_KEPT_KINDS = 512


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; `reference` is the printed one of an instance without options
    (None where none is printed), `measured` the median, q10, q90 and median by source."""

    value: float
    interval: tuple[float, float]
    reference: float | None
    measured: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The estimate as it stands in a document."""
        return {
            "value": self.value,
            "interval": list(self.interval),
            "reference": self.reference,
            "measured": self.measured,
        }


@dataclass(frozen=True)
class Density:
    """Instances on a host of host_gb, which is the reference's where the scenario's is unknown.

    free_gb is what they leave of it; merged_after_s how long one pass of KSM over it takes, None
    without KSM.
    """

    value: int
    interval: tuple[int, int]
    reference: float | None
    host_gb: float
    free_gb: float = 0.0
    merged_after_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """The density as it stands in a document."""
        return {
            "value": self.value,
            "interval": list(self.interval),
            "reference": self.reference,
            "host_gb": self.host_gb,
            "free_gb": self.free_gb,
            "merged_after_s": self.merged_after_s,
        }


@dataclass(frozen=True)
class Instance:
    """What one instance of a scenario's runtime costs its host."""

    start_ms: Estimate
    memory_mb: Estimate
    density_per_host: Density

    def as_dict(self) -> dict[str, Any]:
        """The part of a prediction document."""
        return {
            "start_ms": self.start_ms.as_dict(),
            "memory_mb": self.memory_mb.as_dict(),
            "density_per_host": self.density_per_host.as_dict(),
        }


@dataclass(frozen=True)
class _Kind:
    """What instances of a runtime have in common whatever their host; held_mb as _held_mb, None
    where it depends on the host."""

    start_ms: Estimate
    memory_mb: Estimate
    held_mb: tuple[float, float, float] | None


class Instances:
    """Instances by the model card's `instances` (what is measured by runtime); without it, by what
    is printed or assumed alone. What does not depend on the host is worked out once."""

    def __init__(self, summaries: Mapping[str, Any]) -> None:
        self._summaries = summaries
        self._spreads = {q: spread_between_sources(summaries, q) for q in ("start_ms", "memory_mb")}
        self._kinds: dict[tuple[str, ...], _Kind] = {}

    def of(self, scenario: Scenario, *, level: float = 0.9) -> Instance:
        """The instance of a scenario."""
        key = (
            scenario.runtime,
            scenario.mechanism("compiled_ahead"),
            scenario.mechanism("balloon"),
            scenario.mechanism("ksm"),
            str(level),
        )
        kind = self._kinds.get(key)
        if kind is None or scenario.runtime == "native":
            kind = self._kind(scenario, level)
            if len(self._kinds) >= _KEPT_KINDS:
                self._kinds.clear()
            self._kinds[key] = kind
        if kind.held_mb is None:
            return Instance(kind.start_ms, kind.memory_mb, density(scenario, kind.memory_mb))
        fitting = _fitting(scenario.runtime, _host_gb(scenario), kind.held_mb)
        return Instance(kind.start_ms, kind.memory_mb, fitting)

    def _kind(self, scenario: Scenario, level: float) -> _Kind:
        start, memory = (
            estimate(scenario.runtime, quantity, self._summaries, level, spread)
            for quantity, spread in self._spreads.items()
        )
        fixed = scenario.runtime != "native" and scenario.mechanism("ksm") != "on"
        if scenario.runtime == "native" and scenario.memory_gb is not None:
            whole = scenario.memory_gb * MB_PER_GB
            memory = replace(memory, value=whole, interval=(whole, whole))
        held_mb = _held_mb(scenario, memory, 0.0) if fixed else None
        return _Kind(_with_waits(start, scenario, memory), memory, held_mb)


def estimate_instance(
    scenario: Scenario, summaries: Mapping[str, Any], *, level: float = 0.9
) -> Instance:
    """The instance of one scenario (see Instances)."""
    return Instances(summaries).of(scenario, level=level)


def estimate(
    runtime: str,
    quantity: str,
    summaries: Mapping[str, Any],
    level: float,
    between_sources: float | None = None,
) -> Estimate:
    """start_ms or memory_mb of a runtime as a source never seen would measure it; between_sources
    is spread_between_sources where that is known."""
    found = properties()[runtime]
    figure: Constant = getattr(found, quantity)
    measured = summaries.get(runtime, {}).get(quantity)
    logs = [math.log(v) for v in measured["sources"].values()] if measured else []
    # A cited figure is itself one of the measurements.
    if not logs or figure.kind != "cited":
        logs.append(math.log(figure.value))
    by_range = math.log(figure.high / figure.low) / (2.0 * _reach(_RANGE_LEVEL))
    if between_sources is None:
        between_sources = spread_between_sources(summaries, quantity)
    spread = max(between_sources, by_range)
    middle, reach = fmean(logs), _reach(level) * spread * math.sqrt(1.0 + 1.0 / len(logs))
    shown = ("median", "q10", "q90", "sources")
    return Estimate(
        # Twelve digits: the logarithm of one figure alone must give back that figure.
        float(f"{math.exp(middle):.12g}"),
        (math.exp(middle - reach), math.exp(middle + reach)),
        _printed(runtime, quantity),
        {key: measured[key] for key in shown} if measured else None,
    )


def spread_between_sources(summaries: Mapping[str, Any], quantity: str) -> float:
    """Standard deviation between sources of the log of a quantity, pooled over runtimes."""
    squares, freedom = _SPREAD_FREEDOM * _SPREAD**2, _SPREAD_FREEDOM
    for entry in summaries.values():
        logs = [math.log(v) for v in entry.get(quantity, {}).get("sources", {}).values()]
        if logs:
            squares += sum((log - fmean(logs)) ** 2 for log in logs)
            freedom += len(logs) - 1
    return math.sqrt(squares / freedom)


def density(scenario: Scenario, memory: Estimate, workload_memory_mb: float = 0.0) -> Density:
    """How many instances fit into the host's memory, each with its runtime's and workload's own.

    A balloon and merged pages give memory back (F10, F11). Only the memory of the runtime and the
    share of duplicates are uncertain here; the ends take both at their worst and at their best.
    """
    host_gb = _host_gb(scenario)
    if scenario.runtime == "native":
        return Density(1, (1, 1), _printed(scenario.runtime, "density_per_host"), host_gb)
    merged_after_s = None
    if scenario.mechanism("ksm") == "on":
        merged_after_s = ksm_scan_s(host_gb, _constant("ksm_scan_mb_per_s").value, 1.0)
    held_mb = _held_mb(scenario, memory, workload_memory_mb)
    return _fitting(scenario.runtime, host_gb, held_mb, merged_after_s)


def _host_gb(scenario: Scenario) -> float:
    return scenario.memory_gb or properties()["native"].memory_mb.value / MB_PER_GB


def _held_mb(
    scenario: Scenario, memory: Estimate, workload_memory_mb: float
) -> tuple[float, float, float]:
    """What an instance holds of its host: in the middle, at worst and at best."""
    balloon_share = _constant("balloon_share", scenario.mechanism("balloon")).value
    ksm = scenario.mechanism("ksm")
    duplicates, loss = _constant("ksm_duplicate_share", ksm), _constant("ksm_loss_per_10gb")
    # Without merging nobody scans.
    scanned_gb = _host_gb(scenario) if ksm == "on" else 0.0
    cores = scenario.cores or reference_host()["cores"]

    def held_mb(memory_mb: float, duplicate_share: float, loss_per_10gb: float) -> float:
        scanning = float(ksm_cpu_share(scanned_gb, loss_per_10gb, cores))
        claimed = memory_mb + workload_memory_mb
        return memory_held(claimed, balloon_share, duplicate_share, scanning)

    low, high = memory.interval
    return (
        held_mb(memory.value, duplicates.value, loss.value),
        held_mb(high, duplicates.low, loss.high),
        held_mb(low, duplicates.high, loss.low),
    )


def _fitting(
    runtime: str,
    host_gb: float,
    held_mb: tuple[float, float, float],
    merged_after_s: float | None = None,
) -> Density:
    """How many instances fit that hold `held_mb` (_held_mb)."""
    middle, worst, best = held_mb
    fitting = density_per_host(host_gb, middle)
    return Density(
        fitting,
        (density_per_host(host_gb, worst), density_per_host(host_gb, best)),
        _printed(runtime, "density_per_host"),
        host_gb,
        memory_available_gb(host_gb, fitting * middle / MB_PER_GB),
        merged_after_s,
    )


def _with_waits(start: Estimate, scenario: Scenario, memory: Estimate) -> Estimate:
    """A start with what comes before it. The ends add up, as if all erred together."""
    compiling = _constant("compile_ms", scenario.mechanism("compiled_ahead"))
    waits = [compiling.value, compiling.low, compiling.high]
    if scenario.mechanism("balloon") != "off":
        # On a host whose memory is promised, a new instance's is taken back from the others.
        price = _constant("reclaim_ms_per_gb").value
        needed = (memory.value, *memory.interval)
        waits = [w + reclaim_ms(mb / MB_PER_GB, price) for w, mb in zip(waits, needed, strict=True)]
    if not any(waits):
        return start
    low, high = start.interval
    return replace(start, value=start.value + waits[0], interval=(low + waits[1], high + waits[2]))


@cache
def _printed(runtime: str, quantity: str) -> float | None:
    """A property's figure where the reference prints it."""
    figure: Constant = getattr(properties()[runtime], quantity)
    return figure.value if figure.kind == "reference" else None


def _constant(name: str, key: str = "value") -> Constant:
    return quantities()[name].entries[key]


def _reach(level: float) -> float:
    """Standard deviations from the middle of a normal law to an end of its central interval."""
    return NormalDist().inv_cdf(0.5 + level / 2.0)
