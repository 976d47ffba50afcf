"""Who says so: the measurements that moved a prediction, and what nobody has measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.scenario import Scenario
from features.table import UNKNOWN_RANGES
from features.vocabulary import vocabulary
from models.conditioning import Observation
from models.prediction import Evidence, Novelty

Array = NDArray[np.float64]

EVIDENCE_ROWS = 5
# What is said of each host field where it is unknown.
_UNKNOWN = {
    name: f"{name} is unknown: integrated from {low:.7g} to {high:.7g}"
    for name, (low, high) in UNKNOWN_RANGES.items()
}
# A caller's own rows in evidence.
OWN_SOURCE, OWN_CITATION = "observations", "your measurement"
# Own rows that leave more of the standard deviation than this hardly bear on a scenario.
_HARDLY = 0.95


@dataclass(frozen=True)
class Record:
    """What evidence tells of one training row."""

    source: str
    citation: str
    scenario: Mapping[str, Any]
    baseline: str
    retained: float
    origin: str


def records_of(observations: Sequence[Observation]) -> tuple[Record, ...]:
    """A caller's own rows as evidence tells them."""
    return tuple(
        Record(OWN_SOURCE, OWN_CITATION, o.scenario.as_dict(), "native", o.retained, o.origin)
        for o in observations
    )


@dataclass(frozen=True)
class Known:
    """What somebody measured: (runtime, workload), and (runtime, mechanism, value)."""

    pairs: frozenset[tuple[str, str]]
    options: frozenset[tuple[str, str, str]]

    def and_of(self, other: Known) -> Known:
        """What either knows."""
        return Known(self.pairs | other.pairs, self.options | other.options)


def known_of(records: Sequence[Record]) -> Known:
    """What the measured ones of the records know."""
    measured = [r for r in records if r.origin == "measured"]
    words = vocabulary().workloads
    # Two profiles of somebody's own have nothing in common but that.
    named = [r for r in measured if r.scenario.get("workload") in words]
    pairs = {(r.scenario["runtime"], str(r.scenario["workload"])) for r in named}
    # A family is asked for by its name; a measurement of one of its leaves speaks for it.
    pairs |= {(runtime, words[leaf].family) for runtime, leaf in pairs if leaf in words}
    return Known(
        frozenset(pairs),
        frozenset(
            (r.scenario["runtime"], key, value)
            for r in measured
            for key, value in r.scenario.get("mechanisms", {}).items()
        ),
    )


@dataclass(frozen=True)
class Cited:
    """The measurements of most weight, and how far the first of them moved the mean."""

    evidence: tuple[Evidence, ...]
    moved: float = 0.0

    def told(self, without: float) -> tuple[Evidence, ...]:
        """The evidence, whose first says what would be retained `without` it."""
        if not self.evidence:
            return ()
        e, *rest = self.evidence
        first = Evidence(
            e.source, e.citation, e.scenario, e.retained, e.weight, e.baseline, without
        )
        return (first, *rest)


def find_evidence(
    records: Sequence[Record], largest: Sequence[tuple[int, float]], moved: Callable[[int], float]
) -> Cited:
    """The measurements of most weight, with citation. `largest` are rows with their shares of all
    weights (models.carried.largest_weights); `moved` tells how far one moved the mean."""
    told = [(row, share) for row, share in largest if records[row].origin != "synthetic"]
    if not told:
        return Cited(())
    evidence = tuple(
        Evidence(r.source, r.citation, r.scenario, r.retained, share, r.baseline)
        for r, share in ((records[row], share) for row, share in told[:EVIDENCE_ROWS])
    )
    return Cited(evidence, moved(told[0][0]))


def find_novelty(
    scenario: Scenario,
    score: float,
    threshold: float,
    known: Known,
    evidence: Sequence[Evidence],
) -> Novelty:
    """How new a scenario is, in thresholds of the score and in words: extrapolated where the score
    passes the threshold or where nobody measured the like."""
    if scenario.runtime == "native":
        return Novelty(0.0, False)
    reasons = []
    if (scenario.runtime, scenario.workload) not in known.pairs:
        near = ""
        if evidence:
            found = evidence[0].scenario
            near = f"; nearest: {found['runtime']}, {found.get('workload', 'own demands')}"
            near += f" ({evidence[0].source})"
        reasons.append(f"no measurement of {scenario.runtime} with {scenario.workload}{near}")
    for key, value in scenario.mechanisms.items():
        if (scenario.runtime, key, value) not in known.options:
            reasons.append(f"no measurement of {scenario.runtime} with {key}={value}")
    if score > threshold and not reasons:
        reasons.append("what was measured near this scenario is too little, or agrees too little")
    extrapolating = bool(reasons)
    reasons += [said for name, said in _UNKNOWN.items() if getattr(scenario, name) is None]
    return Novelty(score / threshold, extrapolating, tuple(reasons))


def own_reason(weights: Array, count: int, narrowed: float) -> str:
    """What the last `count` rows of the weights (n,), which are the caller's own, did."""
    rows = "your measurement" if count == 1 else f"your {count} measurements"
    one = count == 1
    if narrowed > _HARDLY:
        return f"{rows} hardly {'bears' if one else 'bear'} on this scenario"
    size = np.abs(weights)
    share = size[-count:].sum() / size.sum()
    return f"{rows} {'carries' if one else 'carry'} {share:.0%} of the weight of this answer"
