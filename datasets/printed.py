"""The printed cells of the reference as measurements of origin `reference`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from datasets.measurement import Measurement
from datasets.units import canonical_unit
from features.reference import Cell, Metric, reference_host, reference_metrics
from features.scenario import resource_class

SOURCE = "matrix2025"
_YEAR = 2025


@cache
def reference() -> tuple[Measurement, ...]:
    """The figures of the reference's tables that are relative to bare metal, in its order."""
    return tuple(_rows())


def _rows() -> Iterator[Measurement]:
    count = 0
    for metric in reference_metrics():
        for cell in metric.cells:
            if not metric.base and cell.runtime != "native":
                count += 1
                yield _row(metric, cell, count)


def _row(metric: Metric, cell: Cell, number: int) -> Measurement:
    scenario = metric.scenario(cell.runtime, reference_host(), cell.options)
    unit = canonical_unit(metric.unit)
    return Measurement(
        id=f"{SOURCE}-{number:03d}",
        scenario=scenario,
        retained=float(f"{metric.retained(cell.figure):.6g}"),
        source=SOURCE,
        origin="reference",
        resource=resource_class(scenario),
        value=cell.figure if unit else None,
        baseline_value=metric.native if unit else None,
        unit=unit or "ratio",
        metric=metric.aspect,
        benchmark=f"section {metric.place}: {metric.name}",
        detail=metric.table,
        year=_YEAR,
    )
