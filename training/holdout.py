"""Scoring the champion on measurements that it was never taught."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from pathlib import Path

import numpy as np

from datasets.measurement import Measurement
from datasets.shipped import digest
from datasets.table import read_measurements
from models.calibration import Bounds
from models.home import champion_folder
from models.persistence import load_predictor
from models.predictor import Predictor
from training.leaks import figure, repeats
from training.metrics import LEVELS, Outcome, measures
from training.protocol import is_scored


def score_holdout(path: Path) -> dict:
    """The document of `evaluate --holdout`: the champion's measures on a file of our schema.

    Start-up rows are not scored. `leaks` names sources of the file whose figures the champion was
    taught: it is no hold-out for these. Raises InvalidInput naming file and row of what is wrong,
    and ModelUnavailable without a champion.
    """
    rows = [m for m in read_measurements(path) if is_scored(m)]
    predictor = load_predictor(champion_folder())
    sources = [m.source for m in rows]
    runtimes = [m.scenario.runtime for m in rows]
    return {
        "protocol": "holdout",
        "dataset": {"digest": digest(rows), "rows": len(rows), "sources": len(set(sources))},
        "leaks": [leak.as_dict() for leak in repeats(rows, _taught(predictor))],
        "models": {
            name: measures(outcome, sources, runtimes)
            for name, outcome in holdout_outcomes(predictor, rows).items()
        },
    }


def _taught(predictor: Predictor) -> dict[Hashable, set[str]]:
    found: dict[Hashable, set[str]] = defaultdict(set)
    for r in predictor.records:
        if r.origin == "measured":
            found[figure(r.scenario, r.baseline, r.retained)].add(r.source)
    return found


def holdout_outcomes(predictor: Predictor, rows: list[Measurement]) -> dict[str, Outcome]:
    """Errors of the champion and of its prior alone. A row measured against another runtime is
    compared with the ratio of the two predictions, under the scenario's own interval."""
    observed = np.log([m.retained for m in rows])
    mine = predictor.predict([m.scenario for m in rows])
    log_retained = np.log([p.retained for p in mine])
    log_prior = np.log([p.retained / p.residual_factor for p in mine])
    held = [i for i, m in enumerate(rows) if m.baseline is not None]
    for i, p in zip(held, predictor.predict([_baseline(rows[i]) for i in held]), strict=True):
        log_retained[i] -= np.log(p.retained)
        log_prior[i] -= np.log(p.retained / p.residual_factor)
    bounds = {}
    for level in LEVELS:
        at = (
            mine
            if level == mine[0].level
            else predictor.predict([m.scenario for m in rows], level=level)
        )
        centre = np.log([p.retained for p in at])
        low, high = np.log([p.interval for p in at]).T
        bounds[level] = Bounds(centre - low, high - centre)
    return {
        "champion": Outcome("champion", observed - log_retained, bounds),
        "prior": Outcome("prior", observed - log_prior, {}),
    }


def _baseline(row: Measurement):
    if row.baseline is None:
        raise ValueError(f"{row.id} has no baseline")
    return row.baseline
