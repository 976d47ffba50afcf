"""What was measured of an instance's start and memory, in a few numbers: carried in the model card.

These figures are in their own units, so the runtime that a row compares with has one of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from datasets.footprints import Footprint
from datasets.measurement import Measurement

START_MS, MEMORY_MB = "start_ms", "memory_mb"
_MS_OF = {"ms": 1.0, "s": 1e3}
# A database that fills its files, and ten pods at once: neither is the start of an instance.
_OTHER_METRICS = ("init_time",)
_OTHER_BENCHMARKS = ("deploy ten nginx pods",)
# Cautions that doubt what a row is compared with and not the row's own time.
_OWN_TIME_HOLDS = ("", "timer-resolution", "noisy-baseline", "unknown-host")

_STEPS = np.linspace(0.0, 1.0, 101)

Figure = tuple[str, str, str, float]


def instance_summaries(
    rows: Iterable[Measurement], footprints: Iterable[Footprint]
) -> dict[str, dict[str, Any]]:
    """Runtime -> start_ms, memory_mb -> median by source, and quantiles over all.

    Every source weighs the same in the quantiles, however many rows it has.
    """
    found: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    memory = ((f.runtime, f.source, f.id, f.memory_mb) for f in footprints)
    for quantity, figures in ((START_MS, _starts(rows)), (MEMORY_MB, memory)):
        # A baseline stands beside many rows and was measured once.
        for runtime, source, _, value in sorted(set(figures)):
            found[runtime, quantity][source].append(value)
    summaries: dict[str, dict[str, Any]] = defaultdict(dict)
    for (runtime, quantity), by_source in sorted(found.items()):
        summaries[runtime][quantity] = _summary(by_source)
    return dict(summaries)


def _starts(rows: Iterable[Measurement]) -> Iterator[Figure]:
    for row in rows:
        if row.origin != "measured" or row.resource != "startup" or row.unit not in _MS_OF:
            continue
        if row.metric in _OTHER_METRICS or row.benchmark in _OTHER_BENCHMARKS:
            continue
        if row.scenario.demands.get("concurrency", 1.0) > 1.0:
            continue
        scale = _MS_OF[row.unit]
        if row.value is not None and row.caution in _OWN_TIME_HOLDS:
            name = f"{row.benchmark} {row.detail}"
            yield row.scenario.runtime, row.source, name, row.value * scale
        # What is measured as native is a process that starts, not a machine that boots.
        if row.baseline_value is not None and row.baseline is not None and not row.caution:
            yield row.baseline.runtime, row.source, row.benchmark, row.baseline_value * scale


def _summary(by_source: dict[str, list[float]]) -> dict[str, Any]:
    medians = {source: float(np.median(found)) for source, found in by_source.items()}
    # Each source speaks with as many of its quantiles, so that none is heard for its rows.
    spoken = np.concatenate([np.quantile(found, _STEPS) for found in by_source.values()])
    return {
        "sources": medians,
        "q10": float(np.quantile(spoken, 0.1)),
        "median": float(np.median(list(medians.values()))),
        "q90": float(np.quantile(spoken, 0.9)),
        "rows": sum(map(len, by_source.values())),
    }
