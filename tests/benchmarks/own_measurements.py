"""`python -m tests.benchmarks.own_measurements FILE`: what a file of `nearmetal measure` is worth.

Each benchmark's rows are predicted by the present champion, once without any own measurement and
once told the file's other benchmarks.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median

from datasets.measurement import Measurement
from datasets.table import read_measurements
from models.conditioning import Observation
from models.home import champion_folder
from models.persistence import load_predictor
from models.prediction import Prediction
from serving.observations import read_observations


def main(path: Path) -> None:
    """Print error, interval width and coverage of both."""
    rows, observations = read_measurements(path), read_observations(path)
    predictor = load_predictor(champion_folder())
    alone = predictor.predict([row.scenario for row in rows])
    told: dict[str, Prediction] = {}
    for name in {row.benchmark for row in rows}:
        asked = [row for row in rows if row.benchmark == name]
        others: list[Observation] = [
            o for o, row in zip(observations, rows, strict=True) if row.benchmark != name
        ]
        found = predictor.predict([row.scenario for row in asked], observations=others)
        told.update({row.id: p for row, p in zip(asked, found, strict=True)})
    print(f"{len(rows)} rows; error and width in log retained")
    for title, found in (("alone", alone), ("told the others", [told[r.id] for r in rows])):
        print(f"{title:16s} {_measures(rows, found)}")


def _measures(rows: Sequence[Measurement], found: Sequence[Prediction]) -> str:
    pairs = list(zip(rows, found, strict=True))
    error = fmean(abs(math.log(p.retained / row.retained)) for row, p in pairs)
    width = median(math.log(p.interval[1] / max(p.interval[0], 1e-4)) for _, p in pairs)
    inside = fmean(p.interval[0] <= row.retained <= p.interval[1] for row, p in pairs)
    return f"error {error:.3f}  width {width:.2f}  coverage {inside:.0%}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
