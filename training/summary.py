"""What was measured of each runtime and workload, in a few numbers: carried in the model card."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from datasets.measurement import Measurement
from features.vocabulary import vocabulary


def measured_medians(rows: Iterable[Measurement]) -> dict[str, dict[str, float]]:
    """Median retained against bare metal by "runtime workload" and "runtime workload key=value".

    The first is of the runtime as it is unless told otherwise: an interpreter says nothing of a
    compiler. Each source counts once, with its own median. Rows under a caution and rows measured
    against another runtime are left out.
    """
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if row.origin != "measured" or row.baseline is not None or row.caution:
            continue
        name = f"{row.scenario.runtime} {row.scenario.workload}"
        preset = vocabulary().runtimes[row.scenario.runtime].preset
        given = row.scenario.mechanisms.items()
        options = [f"{name} {k}={v}" for k, v in given if v != preset[k]]
        for key in options or [name]:
            found[key][row.source].append(row.retained)
    return {
        key: {
            "median": float(np.median([np.median(v) for v in by_source.values()])),
            "sources": len(by_source),
            "rows": sum(map(len, by_source.values())),
        }
        for key, by_source in sorted(found.items())
    }
