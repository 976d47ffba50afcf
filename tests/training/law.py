"""A corpus of a known law: log retained = log prior + shift of the runtime + source + noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datasets.measurement import Measurement
from features.prior import evaluate
from features.scenario import Scenario
from models.rows import make_rows
from training.corpus import Corpus
from training.protocol import is_scored

LAW = {"gvisor": -0.5, "vm": 0.1, "container": 0.0}
LEAVES = ("web.static", "database.kv", "cpu.int", "memory.bandwidth")


def law_measurements(
    *, seed: int = 0, sources: int = 14, laws: dict[int, dict[str, float]] | None = None
) -> list[Measurement]:
    """Rows of all sources; `laws` gives a source's own shifts by runtime in place of LAW."""
    rng = np.random.default_rng(seed)
    rows = []
    for source in range(sources):
        law = (laws or {}).get(source, LAW)
        offset = rng.normal(0, 0.1)
        for runtime, shift in law.items():
            scenarios = [
                Scenario(runtime, leaf, cores=float(2 ** rng.integers(0, 5))) for leaf in LEAVES
            ]
            noise = rng.normal(0, 0.05, len(scenarios))
            target = np.log(evaluate(scenarios).retained) + shift + offset + noise
            rows += [
                Measurement(f"{source}-{runtime}-{i}", s, float(np.exp(t)), f"source{source:02d}")
                for i, (s, t) in enumerate(zip(scenarios, target, strict=True))
            ]
    return rows


def corpus_of(measurements: list[Measurement]) -> Corpus:
    """A corpus of these rows alone; each source is a group of its own."""
    names = [m.source for m in measurements]
    codes = [sorted(set(names)).index(n) for n in names]
    return Corpus(
        tuple(measurements),
        make_rows(measurements, codes, codes),
        np.array([is_scored(m) for m in measurements]),
        tuple(names),
        dict.fromkeys(("measured", "reference", "synthetic", "own"), "0" * 64),
        {"measured": len(names), "reference": 0, "synthetic": 0, "own": 0, "sampled": len(names)},
    )


def with_residual(corpus: Corpus, residual: np.ndarray) -> Corpus:
    """The same scenarios with other targets: the prior's plus `residual` (n,)."""
    return replace(corpus, rows=replace(corpus.rows, log_retained=corpus.rows.log_prior + residual))
