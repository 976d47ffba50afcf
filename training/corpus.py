"""All rows that a training run learns from, with their sources and digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.measurement import Measurement
from datasets.printed import reference
from datasets.shipped import digest, measured
from datasets.sources import Source, sources
from datasets.synthetic import synthetic_rows
from datasets.table import read_measurements
from models.predictor import Record
from models.rows import Rows, make_rows
from models.sensitivity import RowPrior
from training.leaks import Leak, find_leaks, refuse_repeats
from training.protocol import group_codes, is_scored, sampled

SYNTHETIC_ROWS = 150


@dataclass(frozen=True)
class Corpus:
    """Measurements with their encoded rows; `scored` flags what leave-one-source-out judges."""

    measurements: tuple[Measurement, ...]
    rows: Rows
    scored: NDArray[np.bool_]
    groups: tuple[str, ...]
    digests: dict[str, str]
    sizes: dict[str, int]
    leaks: tuple[Leak, ...] = ()

    @cached_property
    def prior(self) -> RowPrior:
        """The rows' prior as a function of its constants."""
        scenarios = [m.scenario for m in self.measurements]
        return RowPrior.of(scenarios, [m.baseline for m in self.measurements])

    @property
    def records(self) -> list[Record]:
        """What evidence tells of each row."""
        known = sources()
        return [record_of(m, known.get(m.source)) for m in self.measurements]


def record_of(m: Measurement, source: Source | None) -> Record:
    """What evidence tells of a measurement, cited by its source where that is known."""
    baseline = m.baseline.runtime if m.baseline else "native"
    citation = source.citation if source else m.source
    return Record(m.source, citation, m.scenario.as_dict(), baseline, m.retained, m.origin)


def load_corpus(
    files: Sequence[Path] = (), *, seed: int = 0, synthetic: int = SYNTHETIC_ROWS
) -> Corpus:
    """Curated, reference and synthetic rows, and the user's own files.

    Raises InvalidInput naming file and row of what is wrong in a user's file, or the curated
    source that it repeats.
    """
    own: list[Measurement] = []
    for path in files:
        found = read_measurements(path)
        refuse_repeats(found, measured(), Path(path).name)
        own += found
    return corpus_with(own, seed=seed, synthetic=synthetic)


def corpus_with(
    own: Sequence[Measurement], *, seed: int = 0, synthetic: int = SYNTHETIC_ROWS
) -> Corpus:
    """Curated, reference and synthetic rows, and a user's own."""
    curated = list(measured())
    made = synthetic_rows(synthetic, seed)
    rows = [*sampled(curated), *own, *reference(), *made]
    group_of = {s.id: s.group for s in sources().values()}
    names = [group_of.get(m.source, m.source) for m in rows]
    everyone = [*curated, *own]
    source_codes = {name: i for i, name in enumerate(sorted({m.source for m in rows}))}
    return Corpus(
        tuple(rows),
        make_rows(rows, [source_codes[m.source] for m in rows], group_codes(rows, group_of)),
        np.array([is_scored(m) for m in rows]),
        tuple(names),
        {
            "measured": digest(curated),
            "reference": digest(reference()),
            "synthetic": digest(made),
            "own": digest(own),
        },
        {
            "measured": len(curated),
            "reference": len(reference()),
            "synthetic": len(made),
            "own": len(own),
            "sampled": len(rows),
        },
        # All rows, not the sampled ones: two samples of the same rows may share few.
        find_leaks(everyone, [group_of.get(m.source, m.source) for m in everyone]),
    )
