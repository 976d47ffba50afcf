"""Results of a native and an isolated run as rows of our schema."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from datasets.importers.result import Result
from datasets.measurement import Measurement
from datasets.units import converted, is_time
from features.errors import InvalidInput, Problem, near_names
from features.scenario import RETAINED_RANGE, resource_class, scenario_from_flat
from features.vocabulary import vocabulary

_DIGITS = 6


@dataclass(frozen=True)
class Context:
    """What the user says of a file: the scenario's words as flat text, and how rows are called.

    `scenario` holds runtime, host fields, mechanisms and demands; `workload` is that of every
    job, "" for the job's own. `jobs` are those that are wanted, all when empty.
    """

    tool: str
    scenario: Mapping[str, str]
    workload: str = ""
    source: str = "own"
    jobs: Sequence[str] = ()
    alone: bool = False


def rows_of(
    native: Sequence[Result], isolated: Sequence[Result], context: Context
) -> tuple[list[Measurement], list[str]]:
    """A row per job that both sides ran, and what one side alone ran, in words.

    Raises InvalidInput where no job pairs, where the two sides of one ran differently (naming
    what differs), and where a ratio cannot be.
    """
    sides = [_wanted(_gathered(results, context), context.jobs) for results in (native, isolated)]
    if context.alone and all(len(side) == 1 for side in sides):
        (key,) = sides[0]
        sides[1] = {key: next(iter(sides[1].values()))}
    first, second = sides
    both = [key for key in first if key in second]
    left = [_alone(k, "native") for k in first if k not in second]
    left += [_alone(k, "isolated") for k in second if k not in first]
    if not both:
        raise InvalidInput([Problem("job", f"the files share none: {'; '.join(left)[:400]}")])
    problems: list[Problem] = []
    rows = []
    for key in both:
        try:
            rows.append(_row(first[key], second[key], context))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(dict.fromkeys(problems))
    return rows, left


_Key = tuple[str, str]


def _gathered(results: Sequence[Result], context: Context) -> dict[_Key, Result]:
    """One result per job and metric; those that are there several times are its repeats."""
    found: dict[_Key, list[Result]] = {}
    for result in results:
        found.setdefault((result.job, result.metric), []).append(result)
    return {key: _merged(repeats, context) for key, repeats in found.items()}


def _merged(repeats: list[Result], context: Context) -> Result:
    first = repeats[0]
    for other in repeats[1:]:
        _check_same(first, other, ("first", "another"), context)
    if len(repeats) == 1:
        return first
    values = [converted(r.value, r.unit, first.unit) for r in repeats]
    return replace(first, value=fmean(values), values=tuple(values))


def _check_same(first: Result, second: Result, names: tuple[str, str], context: Context) -> None:
    """Raises InvalidInput naming each setting in which two runs of a job differ."""
    problems = []
    for key in dict.fromkeys((*first.setting, *second.setting)):
        ours, theirs = first.setting.get(key, "not set"), second.setting.get(key, "not set")
        if ours != theirs:
            said = f"{key} is {ours or 'not told'} {names[0]} and {theirs or 'not told'} {names[1]}"
            problems.append(Problem(f"{context.tool} {first.job[:60]}", said))
    try:
        converted(second.value, second.unit, first.unit)
    except ValueError as error:
        problems.append(Problem(f"{context.tool} {first.job[:60]}", str(error)))
    if problems:
        raise InvalidInput(problems)


def _wanted(side: dict[_Key, Result], jobs: Sequence[str]) -> dict[_Key, Result]:
    known = [job for job, _ in side]
    problems = []
    for job in jobs:
        if job not in known:
            near = ", ".join(near_names(job, known) or known[:10])
            problems.append(Problem("job", f"there is no {job[:60]!r}; there is {near[:200]}"))
    if problems:
        raise InvalidInput(problems)
    return {key: result for key, result in side.items() if not jobs or key[0] in jobs}


def _alone(key: _Key, side: str) -> str:
    return f"{key[0][:80]} ({key[1]}) is {side} only"


def _row(native: Result, isolated: Result, context: Context) -> Measurement:
    _check_same(native, isolated, ("native", "isolated"), context)
    where = f"{context.tool} {native.job[:60]}"
    workload = context.workload or native.workload
    if not workload:
        said = "name its workload with --workload, or leave the job out by naming others with --job"
        raise InvalidInput([Problem(where, said)])
    value = converted(isolated.value, isolated.unit, native.unit)
    if not (native.value > 0.0 and value > 0.0):
        raise InvalidInput([Problem(where, "a figure is 0: nothing was done on one side")])
    less = native.lower_is_better
    less = is_time(native.unit) if less is None else less
    retained = native.value / value if less else value / native.value
    low, high = RETAINED_RANGE
    if not low <= retained <= high:
        said = f"keeps {retained:.3g} of native, beyond {low:g} to {high:g}; are the files swapped?"
        raise InvalidInput([Problem(where, said)])
    demands = native.demands if workload in (native.workload, "") or not native.workload else {}
    known = vocabulary().demand_fields
    told = {k: f"{v:.12g}" for k, v in demands.items() if known[k].low <= v <= known[k].high}
    scenario = scenario_from_flat({**told, **context.scenario, "workload": workload})
    # Raw values stand beside the ratio where their unit says which way is better.
    plain = less == is_time(native.unit)
    return Measurement(
        id=_identity(native, isolated, context),
        scenario=scenario,
        retained=float(f"{retained:.{_DIGITS}g}"),
        source=context.source,
        resource=resource_class(scenario),
        value=float(f"{value:.{_DIGITS}g}") if plain else None,
        baseline_value=float(f"{native.value:.{_DIGITS}g}") if plain else None,
        unit=native.unit if plain else "ratio",
        metric=native.metric,
        spread=_spread(native, isolated),
        repeats=min(max(1, len(side.values)) for side in (native, isolated)),
        benchmark=where,
        detail=", ".join(f"{key} {value}" for key, value in native.setting.items() if value)[:300],
    )


def _spread(native: Result, isolated: Result) -> float | None:
    """The relative standard deviation of the ratio, from the repeats of both sides."""
    parts = []
    for side in (native, isolated):
        mean = fmean(side.values) if side.values else 0.0
        if len(side.values) < 2 or mean <= 0.0:
            return None
        parts.append(stdev(side.values) / mean)
    return float(f"{min(math.hypot(*parts), 10.0):.3g}")


def _identity(native: Result, isolated: Result, context: Context) -> str:
    told = sorted(context.scenario.items())
    text = f"{context.tool}|{native.job}|{native.metric}|{native.value!r}|{isolated.value!r}|{told}"
    return f"{context.source}-{context.tool}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
