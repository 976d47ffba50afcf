"""A sample of more rows than can be held: the same rows, whatever the chunks they came in.

Each row has a key of its content, and each source gives its rows of the smallest keys, every source
as many, as far as the sample's size goes round.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.columns import Coded, Frame

Keys = NDArray[np.uint64]
Record = Mapping[str, Any]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def content_keys(frame: Frame, size: int) -> Keys:
    """A key for each row of columns (size,): that of its filled cells, whatever the order and the
    kind of the columns."""
    keys = np.zeros(size, dtype=np.uint64)
    for name in sorted(frame):
        column = frame[name]
        if isinstance(column, Coded):
            known = np.array([*(_key(name, v) for v in column.values), 0], dtype=np.uint64)
            keys += known[column.codes]
        elif column.dtype.kind == "f":
            numbers = column.astype(float)
            keys += np.where(np.isnan(numbers), np.uint64(0), _number_keys(name, numbers))
        else:
            keys += np.array([_key(name, cell) for cell in column.tolist()], dtype=np.uint64)
    # Sums of keys lie as evenly as keys; one more turn parts rows that differ in one cell.
    return (keys ^ (keys >> np.uint64(29))) * _MULTIPLIER


def _key(name: str, cell: Any) -> int:
    """A key of one cell: of its number where it is one, so that text and numbers agree."""
    if cell is None or cell == "" or cell != cell:
        return 0
    try:
        number = float(cell)
    except (TypeError, ValueError):
        return text_key(f"{name}={cell}")
    return int(_number_keys(name, np.array([number]))[0])


def _number_keys(name: str, numbers: NDArray[np.float64]) -> Keys:
    found: Keys = pd.util.hash_array(numbers + 0.0) * _MULTIPLIER ^ np.uint64(text_key(name))
    return found


def text_key(text: str) -> int:
    """A key of a text, the same in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@dataclass
class SourceSample:
    """At most about `size` rows, as evenly from all sources as they have them; adds up in any
    order. `drawn`: source -> the records of its rows by key."""

    size: int
    drawn: dict[str, dict[int, Record]] = field(default_factory=dict)

    def offer(self, sources: Coded, keys: Keys, record: Callable[[int], Record]) -> None:
        """Take what belongs into the sample of rows (n); `record` tells one that is taken."""
        names = [str(value) for value in sources.values]
        most = self._most(len(set(names) | set(self.drawn)))
        order = np.lexsort((keys, sources.codes))
        codes = sources.codes[order]
        start = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
        rank = np.arange(len(codes)) - np.repeat(start, np.diff(np.r_[start, len(codes)]))
        for row in order[rank < most].tolist():
            self.drawn.setdefault(names[sources.codes[row]], {})[int(keys[row])] = record(row)
        self._prune()

    def add(self, other: SourceSample) -> None:
        """Put the sample of other rows to it."""
        for source, rows in other.drawn.items():
            self.drawn.setdefault(source, {}).update(rows)
        self._prune()

    def records(self) -> list[Record]:
        """The sample's rows, by source and key."""
        return [rows[key] for _, rows in sorted(self.drawn.items()) for key in sorted(rows)]

    def _most(self, sources: int) -> int:
        return max(1, self.size // max(sources, 1))

    def _prune(self) -> None:
        # Both limits only fall as sources are met, so nothing is dropped that would be kept.
        if len(self.drawn) > self.size:
            kept = sorted(self.drawn, key=text_key)[: self.size]
            self.drawn = {source: self.drawn[source] for source in kept}
        most = self._most(len(self.drawn))
        for source, rows in self.drawn.items():
            if len(rows) > most:
                self.drawn[source] = {key: rows[key] for key in sorted(rows)[:most]}
