"""`python -m tests.benchmarks.host_profile HOST.json FILE...`: what a calibration is worth.

FILEs are rows of `nearmetal measure --output` taken on the calibrated machine. The present champion
predicts them with the published constants and with the host's own, told none of the rows; the
prior alone is scored beside it, since it is what the constants are of.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean

from datasets.measurement import Measurement
from datasets.table import read_measurements
from features.hostprofile import read_host_profile
from models.home import champion_folder
from models.persistence import load_predictor
from models.prediction import Prediction


def main(profile: Path, files: Sequence[Path]) -> None:
    """Print errors by source and by row, then the rows whose prediction the host's constants
    move, the most moved first."""
    rows = [row for path in files for row in read_measurements(path)]
    host = read_host_profile(profile)
    predictor = load_predictor(champion_folder())
    scenarios = [row.scenario for row in rows]
    published = predictor.predict(scenarios)
    own = predictor.on_host(host.own).predict(scenarios)
    bearing = host.bearing(scenarios)
    moved = [bool(told) for told in bearing]
    sources = {row.source for row in rows}
    print(f"{len(rows)} rows of {len(sources)} sources, the host's constants bear on {sum(moved)}")
    print(f"{'':32s} by source  by row  of those they bear on  coverage")
    for title, found in (("published", published), ("this host's own", own)):
        for name, errors in (
            ("champion", _errors(rows, [p.retained for p in found])),
            ("prior", _errors(rows, [p.retained / p.residual_factor for p in found])),
        ):
            of_moved = [e for e, m in zip(errors, moved, strict=True) if m]
            figures = f"{_by_source(rows, errors):9.3f}  {fmean(errors):6.3f}"
            figures += f"  {fmean(of_moved):22.3f}" if of_moved else f"  {'-':>22s}"
            figures += f"  {_coverage(rows, found):8.0%}" if name == "champion" else ""
            print(f"{name + ', ' + title:32s} {figures}")
    ranked = sorted(
        zip(rows, published, own, bearing, strict=True),
        key=lambda told: -abs(math.log(told[2].retained / told[1].retained)),
    )
    for row, before, after, told in ranked:
        if told:
            names = ", ".join(f"{one.quantity}.{one.key}" for one in told)
            said = f"measured {row.retained:.3g}, {before.retained:.3g} -> {after.retained:.3g}"
            print(f"  {row.id}: {said} ({names})")


def _errors(rows: Sequence[Measurement], retained: Sequence[float]) -> list[float]:
    return [abs(math.log(r / row.retained)) for row, r in zip(rows, retained, strict=True)]


def _by_source(rows: Sequence[Measurement], errors: Sequence[float]) -> float:
    pairs = sorted((row.source, error) for row, error in zip(rows, errors, strict=True))
    groups = groupby(pairs, key=lambda pair: pair[0])
    return fmean(fmean(error for _, error in group) for _, group in groups)


def _coverage(rows: Sequence[Measurement], found: Sequence[Prediction]) -> float:
    pairs = zip(rows, found, strict=True)
    return fmean(p.interval[0] <= row.retained <= p.interval[1] for row, p in pairs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
