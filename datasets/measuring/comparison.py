"""What each side kept of native, and whether a difference can be told from native's own scatter.

A side's figure is the median over rounds of each round's minimum over windows. The band comes from
the two natives: in each round their labels may be swapped, and the ratios of all such swaps are
what chance alone makes. A ratio inside the band is no difference seen.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev

from datasets.measuring.catalog import Benchmark
from datasets.measuring.plan import AGAIN, NATIVE, Plan
from datasets.measuring.rounds import Round
from datasets.measuring.session import Answer

_BAND_LEVEL = 0.95
# All swaps of so many rounds are looked at; of more, this many drawn ones.
_ALL_SWAPS = 11
_DRAWN = 2000
# Scaled median absolute deviations from the median at which a figure is shown as an outlier, and
# the least that one is taken to be: a hundredth is within what a timer and a cache do.
_OUTLYING = 4.0
_LEAST = 0.01
_MAD_TO_SD = 1.4826


@dataclass(frozen=True)
class Compared:
    """One side's benchmark against native: times in ns per operation.

    `band` is the greatest |log ratio| that the two natives make by chance at the level of 0.95.
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
    """The |log ratio| of medians that swapping the labels of pairs stays below at the band's
    level; both (n,) times of the same rounds."""
    pairs = list(zip(first, second, strict=True))
    if len(pairs) <= _ALL_SWAPS:
        swaps = list(itertools.product((False, True), repeat=len(pairs)))
    else:
        drawn = random.Random(0)
        swaps = [tuple(drawn.random() < 0.5 for _ in pairs) for _ in range(_DRAWN)]
    apart = sorted(
        abs(
            math.log(
                median(b if swap else a for (a, b), swap in zip(pairs, one, strict=True))
                / median(a if swap else b for (a, b), swap in zip(pairs, one, strict=True))
            )
        )
        for one in swaps
    )
    return apart[math.ceil(_BAND_LEVEL * len(apart)) - 1]


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
