"""A small corpus with a known law: sources with offsets, a runtime whose residual is not zero."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from features.prior import evaluate
from features.scenario import Scenario
from models.predictor import Record
from models.rows import make_rows


@dataclass(frozen=True)
class Row:
    scenario: Scenario
    retained: float
    baseline: Scenario | None = None
    spread: float | None = 0.02
    repeats: int | None = 3
    origin: str = "measured"
    resource: str = "app"
    caution: str = ""


LAW = {"gvisor": -0.5, "vm": 0.1, "container": 0.0}
LEAVES = ("web.static", "database.kv", "cpu.int", "memory.bandwidth")


def law_rows(seed=0, sources=14, noise=0.05, shuffle=False):
    """Rows of the law log retained = log prior + LAW[runtime] + source offset + noise."""
    rng = np.random.default_rng(seed)
    scenarios, codes = [], []
    for source in range(sources):
        for runtime in LAW:
            for leaf in LEAVES:
                scenarios.append(Scenario(runtime, leaf, cores=float(2 ** rng.integers(0, 5))))
                codes.append(source)
    log_prior = np.log(evaluate(scenarios).retained)
    offset = rng.normal(0, 0.1, sources)
    shift = np.array([LAW[s.runtime] for s in scenarios])
    if shuffle:
        shift = rng.permutation(shift)
    target = log_prior + shift + offset[codes] + rng.normal(0, noise, len(codes))
    rows = [Row(s, float(np.exp(t))) for s, t in zip(scenarios, target, strict=True)]
    return rows, codes


def records_of(rows, codes):
    return [
        Record(f"source{c}", f"Source {c}", r.scenario.as_dict(), "native", r.retained, r.origin)
        for r, c in zip(rows, codes, strict=True)
    ]


@pytest.fixture(scope="session")
def law():
    rows, codes = law_rows()
    return make_rows(rows, codes, codes), records_of(rows, codes)
