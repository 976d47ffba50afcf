"""PerfKitBenchmarker's newline-delimited JSON."""

from __future__ import annotations

import re
from pathlib import Path

from datasets.importers.result import Result, figure, json_of, member, read_with
from datasets.units import canonical_unit

# What PerfKitBenchmarker's labels say of a job; the rest are about machines and clouds.
_LABELS = re.compile(
    r"\|([^|:]*(?:block|depth|threads|clients|jobs|pipeline|size)[^|:]*):([^|]*)\|"
)
_MAX_LABELS = 100_000


def read_perfkit(path: Path | str) -> list[Result]:
    """Each sample in a unit that is known."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    results = []
    for line in text.splitlines():
        if not line.strip():
            continue
        sample = json_of(line)
        test, metric = member(sample, "test", str), member(sample, "metric", str)
        unit = canonical_unit(member(sample, "unit", str))
        if unit is None:
            continue  # Counts of its own: run time, flags, proportions.
        labels = str(sample.get("labels", ""))[:_MAX_LABELS].replace(",", "")
        setting = dict(_LABELS.findall(labels))
        results.append(Result(test, metric, figure(sample, "value"), unit, "", setting))
    return results
