"""Pairs of a bare-metal machine and a virtual machine of its family, as rows of the table.

Hundreds of benchmarks on one pair are not hundreds of measurements: they share the pair. So each
pair gives one row per workload, the median of its benchmarks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from statistics import median

from datasets.measurement import Measurement
from datasets.reading import read_with, rules_of
from features.scenario import Scenario, resource_class

# A median absolute deviation times this is the standard deviation of a normal sample.
_MAD_TO_SD = 1.4826

_TIER_CAUTION = "unequal-cores"
_SINGLE_RUN_CAUTION = "single-run"


def pair_measurements(raw_rows: Iterable[Mapping[str, str]]) -> Iterator[Measurement]:
    """One measurement per pair and workload; outliers and unequal processors are left out."""
    pairs: dict[tuple[str, str, str], list[Mapping[str, str]]] = defaultdict(list)
    demands: dict[str, dict[str, float]] = {}
    for raw in raw_rows:
        if raw["outlier"] == "yes" or raw["cpu_model_equal"] == "no":
            continue
        reading = read_with(rules_of(raw["source_id"]), raw).set
        if "drop" not in reading and "workload" in reading:
            workload = reading.pop("workload")
            demands[workload] = reading
            pairs[raw["source_id"], raw["vm_type"], workload].append(raw)
    for (source, vm_type, workload), rows in sorted(pairs.items()):
        scenario = Scenario(
            "vm",
            workload,
            cores=float(rows[0]["cores"]),
            memory_gb=float(rows[0]["memory_gb"]),
            demands=demands[workload],
        )
        yield _pair(source, vm_type, scenario, rows)


def _pair(
    source: str, vm_type: str, scenario: Scenario, rows: list[Mapping[str, str]]
) -> Measurement:
    ratios = [float(raw["ratio"]) for raw in rows]
    middle = median(ratios)
    spread = _MAD_TO_SD * median(abs(ratio - middle) for ratio in ratios) / middle
    return Measurement(
        id=f"{source}-{vm_type}-{scenario.workload}",
        scenario=scenario,
        retained=float(f"{middle:.6g}"),
        source=source,
        resource=resource_class(scenario),
        unit="ratio",
        metric="median ratio",
        spread=float(f"{spread:.3g}") if len(rows) > 1 else None,
        repeats=len(rows),
        caution=_caution(rows),
        benchmark=f"{len(rows)} benchmarks",
        detail=f"{vm_type} against {rows[0]['metal_type']}, {rows[0]['host_cpu']}",
    )


def _caution(rows: list[Mapping[str, str]]) -> str:
    if any(raw["tier"] == "2" for raw in rows):
        return _TIER_CAUTION
    doubtful = sum(bool(raw["caution"]) for raw in rows)
    return _SINGLE_RUN_CAUTION if 2 * doubtful >= len(rows) else ""
