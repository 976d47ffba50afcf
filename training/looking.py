"""A first pass over more rows than can be held: all are checked and counted, some are drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from datasets.columns import measured_chunks, record_at
from datasets.measurement import Measurement
from datasets.row import measurement_from_record
from features.chunks import Chunk, Piece
from features.columns import coded, distinct
from features.encoder import COLUMNS, encode
from features.vocabulary import vocabulary
from models.evidence import Known, known_of
from models.kernel import mechanism_sets
from training.corpus import record_of
from training.sampling import SourceSample, content_keys

Array = NDArray[np.float64]


@dataclass
class Looked:
    """What a first pass over rows found: how many of each source, a sample of them, and what they
    have measured (models.predictor.Predictor)."""

    sample: SourceSample
    counts: Counter[str] = field(default_factory=Counter)
    known: Known = Known(frozenset(), frozenset())
    mechanisms: Array = field(default_factory=lambda: np.zeros((0, len(COLUMNS))))

    @property
    def rows(self) -> int:
        """How many rows were looked at."""
        return self.counts.total()

    def add(self, other: Looked) -> None:
        """Put to it what was found in other rows."""
        self.sample.add(other.sample)
        self.counts.update(other.counts)
        self.known = self.known.and_of(other.known)
        self.mechanisms = np.unique(np.vstack([self.mechanisms, other.mechanisms]), axis=0)


def look(size: int, piece: Piece) -> Looked:
    """Look through the rows of a piece, which give a sample of `size` at most.

    Raises InvalidInput naming file and row of what is wrong.
    """
    found = Looked(SourceSample(size))
    for chunk, read in measured_chunks(piece):
        sample, keys = SourceSample(size), content_keys(chunk.frame, len(chunk))
        sample.offer(read.source, keys, partial(record_at, chunk.frame))
        counts = Counter(read.source.each(str, "").tolist())
        found.add(Looked(sample, counts, *_measured_there(chunk)))
    return found


def _measured_there(chunk: Chunk) -> tuple[Known, Array]:
    """What the rows of a chunk have measured, each combination looked at once."""
    pairs = _distinct(chunk, ("runtime", "workload", "origin"))
    sets = _distinct(chunk, ("runtime", "origin", *vocabulary().mechanisms))
    known = known_of([record_of(m, None) for m in (*pairs, *sets)])
    if not sets:
        return known, np.zeros((0, len(COLUMNS)))
    encoding, _ = encode([m.scenario for m in sets])
    return known, mechanism_sets(encoding)


def _distinct(chunk: Chunk, names: Sequence[str]) -> list[Measurement]:
    """A measured row of each combination that there is in some columns."""
    columns = [coded(chunk.frame[name]) for name in names if name in chunk.frame]
    first, _ = distinct(columns, len(chunk))
    rows = (measurement_from_record(record_at(chunk.frame, i), "") for i in first.tolist())
    return [m for m in rows if m.origin == "measured"]
