"""The one row of every table: a scenario that somebody measured, and how it came."""

from __future__ import annotations

from dataclasses import dataclass

from features.scenario import Scenario

ORIGINS = ("measured", "reference", "synthetic")


@dataclass(frozen=True)
class Measurement:
    """What a scenario kept of its performance, with the raw figure and its source.

    `retained` is performance relative to `baseline`, higher is better; a baseline of None is
    bare metal on the same hardware. `value` and `baseline_value` are the raw figures in `unit`,
    None where only the ratio is known. `spread` is a relative standard deviation. `caution` is a
    short class word for what makes a row weaker evidence, "" when nothing does.
    """

    id: str
    scenario: Scenario
    retained: float
    source: str
    origin: str = "measured"
    resource: str = "app"
    baseline: Scenario | None = None
    value: float | None = None
    baseline_value: float | None = None
    unit: str = ""
    metric: str = ""
    spread: float | None = None
    repeats: int | None = None
    caution: str = ""
    benchmark: str = ""
    detail: str = ""
    year: int | None = None
