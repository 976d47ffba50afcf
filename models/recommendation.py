"""Which runtimes hold under constraints, ranked by what their retained performance costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from features.cost import MOST_USD, CostInputs, cost_per_retained, outside
from features.errors import InvalidInput, Problem, unknown_name
from features.properties import ISOLATION, Properties, lost_with, properties
from features.scenario import Scenario
from models.instance import density
from models.prediction import Prediction

Array = NDArray[np.float64]

# Central intervals whose ends are the quantiles of a predictive distribution.
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
_DRAWS = 4000
_SEED = 20251020


class Predicts(Protocol):
    """What a recommendation needs of a predictor."""

    def predict(self, scenarios: Sequence[Scenario], *, level: float = 0.9) -> list[Prediction]: ...


@dataclass(frozen=True)
class Constraints:
    """What a runtime must hold; None and False ask for nothing. Raises InvalidInput."""

    isolation: str = "none"
    hardware_binding: bool = True
    cold_start_ms: float | None = None
    retained_at_least: float | None = None
    with_probability: float | None = None
    confidential: bool = False
    live_migration: bool = False
    snapshots: bool = False
    budget_usd: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if self.isolation not in ISOLATION:
            problems.append(unknown_name("isolation", self.isolation, ISOLATION))
        problems += outside("cold_start_ms", self.cold_start_ms, 1e-3, 1e9)
        problems += outside("retained_at_least", self.retained_at_least, 1e-6, 10.0)
        problems += outside("with_probability", self.with_probability, 1e-3, 0.995)
        problems += outside("budget_usd", self.budget_usd, 1e-6, MOST_USD)
        if self.with_probability is not None and self.retained_at_least is None:
            problems.append(Problem("with_probability", "means nothing without retained_at_least"))
        if problems:
            raise InvalidInput(problems)

    @property
    def probability(self) -> float:
        """The probability that retained_at_least must hold with: .8 unless said otherwise."""
        return 0.8 if self.with_probability is None else self.with_probability


@dataclass(frozen=True)
class _Candidate:
    found: Properties
    prediction: Prediction
    log_retained: Array
    density: int
    tco_usd: float
    cost: float
    sources: dict[str, str]

    @property
    def cost_per_retained(self) -> float:
        return cost_per_retained(self.cost, self.prediction.retained)

    @property
    def log_price(self) -> Array:
        """The distribution of log cost per retained performance."""
        return math.log(self.cost) - self.log_retained


def recommend(
    predictor: Predicts,
    scenarios: Sequence[Scenario],
    constraints: Constraints,
    inputs: CostInputs,
    *,
    level: float = 0.9,
) -> dict[str, Any]:
    """The recommendation document of one question asked of several runtimes.

    scenarios: the question under each runtime, no runtime twice. Ranked by cost per retained
    performance, cheapest first; p_best is the probability of being cheapest among the ranked, and
    p_first_better_than_second that the first truly costs less than the second.

    The distribution of log retained is read off the predictor's intervals. Runtimes are taken as
    independent given them. In truth what they share (the rig, the workload) errs together, so a
    true probability lies further from one half than the one given. What is not known of costs is
    not in it.
    """
    held = _candidates(predictor, scenarios, inputs, level)
    ranked, excluded = [], []
    for candidate in held:
        reasons = _reasons(candidate, constraints)
        if reasons:
            excluded.append({"runtime": candidate.found.runtime, "reasons": reasons})
        else:
            ranked.append(candidate)
    ranked.sort(key=lambda c: (c.cost_per_retained, -c.prediction.retained))
    prices = [c.log_price for c in ranked]
    best = p_least(prices)
    records = [_record(c, p, constraints) for c, p in zip(ranked, best, strict=True)]
    first = p_less(prices[0], prices[1]) if len(ranked) > 1 else None
    return {
        "ranked": records,
        "excluded": excluded,
        "p_first_better_than_second": first,
        "ranked_by": "tco_usd" if inputs.in_usd else "relative_cost",
        "level": level,
    }


def quantiles(
    predictor: Predicts, scenarios: Sequence[Scenario], draws: int = _DRAWS
) -> NDArray[np.float64]:
    """Log retained (n, draws) at equally likely steps of each predictive distribution, ascending.

    The ends of the intervals at LEVELS are its quantiles, linear between them; beyond the widest
    it ends there.
    """
    if not scenarios:
        return np.empty((0, draws))
    shares, ends = [], []
    for level in LEVELS:
        pairs = [p.interval for p in predictor.predict(scenarios, level=level)]
        shares += [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
        ends += [[low for low, _ in pairs], [high for _, high in pairs]]
    order = np.argsort(shares)
    steps = (np.arange(draws) + 0.5) / draws
    known = np.maximum.accumulate(np.log(np.array(ends))[order], axis=0)
    at = np.array(shares)[order]
    return np.stack([np.interp(steps, at, known[:, i]) for i in range(len(scenarios))])


def p_at_least(log_retained: Array, retained: float) -> float:
    """The probability that a distribution (draws,) reaches `retained`."""
    return float(np.mean(log_retained >= math.log(retained)))


def p_less(a: Array, b: Array) -> float:
    """The probability that an independent draw of `a` is below one of `b`; a tie counts half."""
    ordered = np.sort(b)
    above = len(b) - np.searchsorted(ordered, a, side="right")
    not_below = len(b) - np.searchsorted(ordered, a, side="left")
    return float(np.mean(above + not_below) / (2.0 * len(b)))


def p_least(distributions: Sequence[Array]) -> list[float]:
    """For each of independent distributions (draws,) the probability of being the least.

    Each is drawn from at all its steps, in an order of its own from a fixed seed; ties are shared,
    so that the probabilities sum to 1.
    """
    if not distributions:
        return []
    rng = np.random.default_rng(_SEED)
    drawn = np.stack([rng.permutation(d) for d in distributions])
    least = drawn == drawn.min(axis=0)
    return [float(p) for p in (least / least.sum(axis=0)).mean(axis=1)]


def _candidates(
    predictor: Predicts, scenarios: Sequence[Scenario], inputs: CostInputs, level: float
) -> list[_Candidate]:
    spread = quantiles(predictor, scenarios)
    made = []
    for row, prediction in enumerate(predictor.predict(scenarios, level=level)):
        found = properties()[prediction.scenario.runtime]
        memory = prediction.instance.memory_mb
        held = density(prediction.scenario, memory, inputs.workload_memory_mb).value
        tco = inputs.tco(found, held)
        cost = inputs.cost(found, tco)
        sources = inputs.sources(found) | _measured_sources(found, prediction)
        made.append(_Candidate(found, prediction, spread[row], held, tco, cost, sources))
    return made


def _measured_sources(found: Properties, prediction: Prediction) -> dict[str, str]:
    """Where the predicted properties come from beside their figure."""
    told = {}
    instance = prediction.instance
    for name, estimate in (("start_ms", instance.start_ms), ("memory_mb", instance.memory_mb)):
        if estimate.measured:
            by = ", ".join(estimate.measured["sources"])
            told[name] = f"{found.sources[name]}; measured: {by}"
    if found.runtime != "native":
        told["density_per_host"] = (
            f"memory of a host of {instance.density_per_host.host_gb:g} GB by that of an instance"
        )
    return told


def _reasons(candidate: _Candidate, wanted: Constraints) -> list[str]:
    """Why a candidate does not hold; empty when it does."""
    found = candidate.found
    mechanisms = candidate.prediction.scenario.resolved_mechanisms
    reasons = []
    if candidate.density < 1:
        reasons.append("not one instance fits into the host's memory")
    if not found.isolates(wanted.isolation):
        reasons.append(f"isolation is {found.isolation}, below {wanted.isolation}")
    if found.hardware_bound and not wanted.hardware_binding:
        reasons.append("is bound to one machine")
    if wanted.confidential and not found.confidential:
        reasons.append("is not confidential")
    for name, said in (("live_migration", "live migration"), ("snapshots", "snapshots")):
        if not getattr(wanted, name):
            continue
        option = lost_with(name, mechanisms)
        if not getattr(found, name):
            reasons.append(f"has no {said}")
        elif option:
            reasons.append(f"has no {said} with {option}")
    start = candidate.prediction.instance.start_ms
    if wanted.cold_start_ms is not None and start.value > wanted.cold_start_ms:
        span = " to ".join(f"{end:,.0f}" for end in start.interval)
        said = f"starts in {start.value:,.0f} ms ({span})"
        reasons.append(f"{said}, above {wanted.cold_start_ms:g}")
    if wanted.retained_at_least is not None:
        p = p_at_least(candidate.log_retained, wanted.retained_at_least)
        if p < wanted.probability:
            said = f"keeps {wanted.retained_at_least:.4g} with probability {p:.3f}"
            reasons.append(f"{said}, below {wanted.probability:g}")
    if wanted.budget_usd is not None and candidate.tco_usd > wanted.budget_usd:
        said = f"costs {candidate.tco_usd:,.0f} USD over three years"
        reasons.append(f"{said}, above {wanted.budget_usd:,.0f}")
    return reasons


def _record(candidate: _Candidate, p_best: float, wanted: Constraints) -> dict[str, Any]:
    found, prediction = candidate.found, candidate.prediction
    novelty = prediction.novelty
    record = {
        "runtime": found.runtime,
        "retained": prediction.retained,
        "interval": list(prediction.interval),
        "cost": candidate.cost,
        "cost_per_retained": candidate.cost_per_retained,
        "p_best": p_best,
        "density": candidate.density,
        "start_ms": prediction.instance.start_ms.value,
        "start_range_ms": list(prediction.instance.start_ms.interval),
        "tco_usd": candidate.tco_usd,
        "isolation": found.isolation,
        "novelty": {
            "score": novelty.score,
            "extrapolating": novelty.extrapolating,
            "reasons": list(novelty.reasons),
        },
        "sources": candidate.sources,
    }
    if wanted.retained_at_least is not None:
        p = p_at_least(candidate.log_retained, wanted.retained_at_least)
        record["p_retained_at_least"] = p
    return record
