"""What each side kept of native, and whether a difference can be told from native's own scatter.

A side's figure is the median over rounds of each round's minimum over windows. The band comes from
the two natives: how far their rounds scatter tells how far apart the medians of two equal sides
come by chance. A ratio inside the band is no difference seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from scipy.special import stdtrit

from datasets.measuring.catalog import Benchmark
from datasets.measuring.plan import AGAIN, NATIVE, Plan
from datasets.measuring.rounds import Round
from datasets.measuring.session import Answer

_BAND_LEVEL = 0.95
# Standard error of a median over that of a mean, for normal scatter: sqrt(pi / 2).
_MEDIAN_TO_MEAN = math.sqrt(math.pi / 2)
# Scaled median absolute deviations from the median at which a figure is shown as an outlier, and
# the least that one is taken to be: a hundredth is within what a timer and a cache do.
_OUTLYING = 4.0
_LEAST = 0.01
_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Compared:
    """One side's benchmark against native: times in ns per operation.

    `band` is the greatest |log ratio| that two equal sides make by chance at the level of 0.95.
    `spread` is the relative standard deviation of the ratios of the rounds. `outliers` are rounds,
    counted from 1, whose figure stands apart; none is left out of anything.
    """

    side: str
    benchmark: Benchmark
    ns: float
    native_ns: float
    retained: float
    band: float
    spread: float
    repeats: int
    outliers: tuple[int, ...]
    native_outliers: tuple[int, ...]
    huge: float | None
    rounds: tuple[float, ...]

    @property
    def differs(self) -> bool:
        """Whether a difference from native is seen."""
        return abs(math.log(self.retained)) > self.band


@dataclass(frozen=True)
class Missing:
    """A benchmark that a side gave no figure for, and why."""

    side: str
    benchmark: str
    why: str


def compare(plan: Plan, rounds: Sequence[Round]) -> tuple[list[Compared], list[Missing]]:
    """Each side but native against native, benchmark by benchmark, in the plan's order; the row of
    the second native compares the two. What has no figure in most rounds is told as missing."""
    told: list[Compared] = []
    missing: list[Missing] = []
    for side in (AGAIN, *(s for s in plan.sides if s not in (NATIVE, AGAIN))):
        for benchmark in plan.benchmarks:
            found = _compared(side, benchmark, rounds)
            if isinstance(found, Compared):
                told.append(found)
            else:
                missing.append(found)
    return told, missing


def band_of(first: Sequence[float], second: Sequence[float]) -> float:
    """The |log ratio| of medians that two equal sides stay below at the level, from the times
    of two natives (n,), n > 1. Their scatter is taken by median absolute deviation, so that a few
    disturbed rounds do not hide every difference; never less than the two are apart."""
    logs = [[math.log(x) for x in side] for side in (first, second)]
    residuals = [abs(x - median(side)) for side in logs for x in side]
    count, freedom = len(first), 2 * len(first) - 2
    scale = _MAD_TO_SD * median(residuals) * math.sqrt(len(residuals) / freedom)
    error = _MEDIAN_TO_MEAN * scale * math.sqrt(2 / count)
    apart = abs(math.log(median(first) / median(second)))
    return max(apart, float(stdtrit(freedom, (1 + _BAND_LEVEL) / 2)) * error)


def outliers_of(figures: Sequence[float]) -> tuple[int, ...]:
    """Which figures, counted from 1, stand apart from their median."""
    middle = median(figures)
    scale = max(_MAD_TO_SD * median(abs(x - middle) for x in figures), _LEAST * middle)
    return tuple(i for i, x in enumerate(figures, 1) if abs(x - middle) > _OUTLYING * scale)


def _compared(side: str, benchmark: Benchmark, rounds: Sequence[Round]) -> Compared | Missing:
    name = benchmark.name
    whole = [
        r for r in rounds if all(_has(r.answers.get(s, {}), name) for s in (NATIVE, AGAIN, side))
    ]
    if len(whole) <= len(rounds) // 2:
        return Missing(side, name, _why_missing(side, name, rounds))
    first = [r.answers[NATIVE][name].ns for r in whole]
    second = [r.answers[AGAIN][name].ns for r in whole]
    figures = [r.answers[side][name].ns for r in whole]
    # The second native has the first alone to be compared with.
    native = (
        first if side == AGAIN else [math.sqrt(a * b) for a, b in zip(first, second, strict=True)]
    )
    ratios = [n / f for n, f in zip(native, figures, strict=True)]
    shares = [r.answers[side][name].huge for r in whole]
    known = [share for share in shares if share is not None]
    return Compared(
        side=side,
        benchmark=benchmark,
        ns=median(figures),
        native_ns=median(native),
        retained=median(native) / median(figures),
        band=band_of(first, second),
        spread=stdev(ratios) / fmean(ratios) if len(ratios) > 1 else 0.0,
        repeats=len(whole),
        outliers=outliers_of(figures),
        native_outliers=outliers_of(native),
        huge=min(known) if known else None,
        rounds=tuple(figures),
    )


def _has(answers: Mapping[str, Answer], name: str) -> bool:
    return name in answers and not answers[name].cannot


def _why_missing(side: str, name: str, rounds: Sequence[Round]) -> str:
    for one in rounds:
        for asked in (side, NATIVE, AGAIN):
            answer = one.answers.get(asked, {}).get(name)
            if answer is not None and answer.cannot:
                return answer.cannot
            if asked in one.broken:
                return f"{asked}: {one.broken[asked]}"
    return "it was not asked"
