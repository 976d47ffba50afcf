"""The protocol `loso-v1`: what is scored, and what is left out together. Never tuned on.

`lofo-v1` leaves out folds of sources in place of single ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from datasets.measurement import Measurement

PROTOCOL = "loso-v1"
# Of more rows than can be held: a sample of all sources, left out by folds of sources.
FOLDED = "lofo-v1"
CELL_ROWS = 15
SEED = 0


def sampled(rows: Sequence[Measurement]) -> list[Measurement]:
    """At most CELL_ROWS rows of each source x runtime x resource, drawn with SEED, in order."""
    cells: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        cells[row.source, row.scenario.runtime, row.resource].append(i)
    rng = np.random.default_rng(SEED)
    kept: list[int] = []
    for cell in sorted(cells):
        places = cells[cell]
        if len(places) > CELL_ROWS:
            places = list(rng.choice(places, CELL_ROWS, replace=False))
        kept.extend(places)
    return [rows[i] for i in sorted(kept)]


def is_scored(row: Measurement) -> bool:
    """Measurements of performance; start-up has no sensible retained."""
    return row.origin == "measured" and row.resource != "startup"


def group_codes(rows: Sequence[Measurement], group_of: Mapping[str, str]) -> list[int]:
    """Codes of what is left out together: a source, or the sources of one group."""
    names = [group_of.get(r.source, r.source) for r in rows]
    order = {name: i for i, name in enumerate(sorted(set(names)))}
    return [order[n] for n in names]
