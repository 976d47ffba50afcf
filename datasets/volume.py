"""Synthetic measurements by the million, in columns.

A row depends on the seed and its number alone, whatever chunk it is made in: the scenarios are
points of one sequence, and what is drawn beside them (constants, a source's offset, a row's
scatter) is drawn for blocks of a fixed size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from datasets.synthetic import (
    Codes,
    Drawn,
    contended_throughput,
    draw_scenarios,
    rounded,
    variants,
    workloads,
)
from features.constants import Constants, draw
from features.prior import PriorTable, evaluate_table
from features.scenario import HOST_FIELDS, RETAINED_RANGE
from features.vocabulary import RESOURCES, vocabulary

Array = NDArray[np.float64]

# Rows that share what is drawn for them.
BLOCK = 1024
# Standard deviations of log retained: of a source's offset, and of a row beside it.
SOURCE_SPREAD = 0.2
ROW_SPREAD = 0.03
# Points that the sequence has.
MOST_ROWS = 2**30


@dataclass(frozen=True)
class Law:
    """What rows are drawn from: with `sources`, each block of rows comes from one of so many
    hosts, which has constants and an offset of its own; without, constants are drawn for each
    block and nothing scatters."""

    seed: int = 0
    sources: int = 0

    @property
    def names(self) -> list[str]:
        """The sources' names."""
        if not self.sources:
            return ["synthetic"]
        return [f"synthetic-{self.seed}-{number:04d}" for number in range(self.sources)]

    def host(self, block: int) -> int:
        """Which host a block comes from."""
        return block % self.sources if self.sources else 0


def synthetic_table(law: Law, span: tuple[int, int]) -> pa.Table:
    """The rows from `first` to before `end`, in the columns of a table of measurements."""
    first, end = span
    blocks = range(first // BLOCK, -(-end // BLOCK))
    start = blocks.start * BLOCK
    whole = draw_scenarios(start, len(blocks) * BLOCK, law.seed)
    rows = [np.arange(i * BLOCK, (i + 1) * BLOCK) for i in range(len(blocks))]
    priors, shifts = [], []
    for index, block in zip(rows, blocks, strict=True):
        constants, shift = _drawn(law, block)
        priors.append(evaluate_table(whole.table.take(index), constants))
        shifts.append(shift)
    keep = np.arange(first - start, end - start)
    prior = _joined(priors, keep)
    native_hz, isolated_hz = contended_throughput(whole.table.take(keep), prior)
    kept = isolated_hz / native_hz * np.exp(np.concatenate(shifts)[keep])
    retained = np.clip(kept, *RETAINED_RANGE)
    figures = {
        "retained": rounded(retained),
        "value": rounded(retained * native_hz),
        "baseline_value": rounded(native_hz),
        "resource": _worded(RESOURCES, prior.shares.argmax(axis=1)),
    }
    return _columns(law, first, whole.take(keep), figures)


def _drawn(law: Law, block: int) -> tuple[Constants, Array]:
    """The constants of a block's rows, and how far each row is off in log retained."""
    if not law.sources:
        return _host(law.seed, block, False)[0], np.zeros(BLOCK)
    constants, offset = _host(law.seed, law.host(block), True)
    scatter = np.random.default_rng([law.seed, block, 2]).normal(0.0, ROW_SPREAD, BLOCK)
    return constants, offset + scatter


@lru_cache(maxsize=1024)
def _host(seed: int, number: int, source: bool) -> tuple[Constants, float]:
    rng = np.random.default_rng([seed, number, int(source)])
    return draw(rng), float(rng.normal(0.0, SOURCE_SPREAD))


def _joined(priors: Sequence[PriorTable], keep: Codes) -> PriorTable:
    joined = (np.concatenate([getattr(p, f.name) for p in priors]) for f in fields(PriorTable))
    return PriorTable(*(column[keep] for column in joined))


def _columns(law: Law, first: int, drawn: Drawn, figures: dict[str, Any]) -> pa.Table:
    count = len(drawn)
    numbers = np.arange(first, first + count)
    host = numbers // BLOCK % law.sources if law.sources else np.zeros(count, dtype=np.int64)
    columns: dict[str, Any] = {
        "id": pa.array([f"volume-{law.seed}-{number:09d}" for number in numbers.tolist()]),
        "source": _worded(law.names, host),
        "origin": _same("synthetic", count),
        "runtime": _worded([v.runtime for v in variants()], drawn.variant),
        "workload": _worded(workloads(), drawn.workload),
        **dict(zip(HOST_FIELDS, drawn.host, strict=True)),
    }
    for key in vocabulary().mechanisms:
        options = [v.mechanisms.get(key) for v in variants()]
        if any(options):
            columns[key] = _worded(options, drawn.variant)
    columns |= {
        "concurrency": drawn.clients,
        "baseline_runtime": _same("native", count),
        **figures,
        "unit": _same("ops/s", count),
        "metric": _same("throughput", count),
    }
    if law.sources:
        columns["spread"] = np.full(count, ROW_SPREAD)
    return pa.table(columns)


def _same(word: str, count: int) -> pa.DictionaryArray:
    return _worded([word], np.zeros(count, dtype=np.int64))


def _worded(words: Sequence[str | None], places: Codes) -> pa.DictionaryArray:
    """Words (n,) by their places; each is kept once."""
    distinct = list(dict.fromkeys(word for word in words if word is not None))
    code = [-1 if word is None else distinct.index(word) for word in words]
    codes = np.array(code, dtype=np.int32)[places]
    return pa.DictionaryArray.from_arrays(
        pa.array(codes, mask=codes < 0), pa.array(distinct, type=pa.string())
    )
