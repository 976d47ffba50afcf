"""Leave-one-source-out of all models on one corpus: the table that train and evaluate print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from features.encoder import names_of
from features.vocabulary import vocabulary
from models.calibration import Bounds, calibrate
from models.fitting import features_of, nested, prior_answer
from models.rivals import leave_one_out_errors, reference_cells, rivals
from models.selection import Candidate, leave_out_candidates
from training.corpus import Corpus
from training.metrics import LEVELS, Outcome, measures
from training.protocol import PROTOCOL

Array = NDArray[np.float64]

CHAMPION = "champion"


@dataclass(frozen=True)
class Evaluation:
    """Outcomes of all models on the scored rows, their measures, and whose rows these are."""

    outcomes: dict[str, Outcome]
    table: dict[str, dict]
    groups: tuple[str, ...]
    runtimes: tuple[str, ...]
    workloads: tuple[str, ...]
    observed: Array

    def document(self, corpus: Corpus) -> dict:
        """The document of `evaluate --json`."""
        return {
            "protocol": PROTOCOL,
            "dataset": {
                "digest": corpus.digests["measured"],
                "digests": corpus.digests,
                "rows": len(self.observed),
                "sources": len(set(self.groups)),
            },
            "models": self.table,
        }


def evaluate_residual(
    corpus: Corpus, candidates: Sequence[Candidate], name: str = CHAMPION
) -> Outcome:
    """The residual model's nested outcome on the scored rows."""
    honest = nested(corpus.rows, candidates, corpus.scored, LEVELS)
    keep = corpus.scored
    error = (corpus.rows.residual - honest.mean)[keep]
    return Outcome(name, error, _scored(honest.bounds, keep))


def evaluate_prior(corpus: Corpus) -> Outcome:
    """The prior alone with the same calibration, fitted without the source that is scored."""
    rows, keep = corpus.rows, corpus.scored
    answer = prior_answer(rows)
    features = features_of(rows, answer)
    none = np.full(len(rows), np.nan)
    bounds = {level: Bounds(none.copy(), none.copy()) for level in LEVELS}
    for g in np.unique(rows.group[keep]):
        inner, mine = keep & (rows.group != g), rows.group == g
        fitted = calibrate(
            features[inner], rows.residual[inner], rows.group[inner], rows.log_retained[inner]
        )
        for level in LEVELS:
            found = fitted.bounds(features[mine], rows.log_prior[mine], level)
            bounds[level].below[mine] = found.below
            bounds[level].above[mine] = found.above
    return Outcome("prior", rows.residual[keep], _scored(bounds, keep))


def _scored(bounds: dict[float, Bounds], keep: NDArray) -> dict[float, Bounds]:
    return {level: Bounds(b.below[keep], b.above[keep]) for level, b in bounds.items()}


def evaluate_rivals(
    corpus: Corpus, *, progress: Callable[[], None] = lambda: None, jobs: int = 2
) -> list[Outcome]:
    """The simple rivals' errors, each refitted without each source. The prior has its own."""
    rows, keep = corpus.rows, corpus.scored
    is_reference = np.array([m.origin == "reference" for m in corpus.measurements])
    words = vocabulary()
    codes = {name: i for i, name in enumerate(names_of("runtime"))}
    parents = {codes[r.name]: codes[r.parent] for r in words.runtimes.values() if r.parent}
    models = rivals(reference_cells(rows, is_reference), parents)
    models.pop("prior")
    measured = rows.take(np.flatnonzero(keep))
    flags = np.ones(len(measured), dtype=bool)
    groups = np.unique(measured.group)
    outcomes = []
    for name, model in models.items():
        found = Parallel(n_jobs=jobs, prefer="threads")(
            delayed(_one_group)(model, measured, flags, int(g)) for g in groups
        )
        error = np.zeros(len(measured))
        for g, errors in zip(groups, found, strict=True):
            error[measured.group == g] = errors
        outcomes.append(Outcome(name, error, {}))
        progress()
    return outcomes


def without_synthetic(corpus: Corpus, candidates: Sequence[Candidate]) -> Outcome:
    """The residual model taught without synthetic rows: what they are worth.

    The candidates are those of the whole corpus, so that only the rows differ.
    """
    kept = np.flatnonzero([m.origin != "synthetic" for m in corpus.measurements])
    rows, scored = corpus.rows.take(kept), corpus.scored[kept]
    tried = [c.amplitudes for c in candidates]
    answers = leave_out_candidates(rows, tried, prior=corpus.prior.take(kept))
    honest = nested(rows, answers, scored, LEVELS)
    error = (rows.residual - honest.mean)[scored]
    return Outcome("without-synthetic", error, _scored(honest.bounds, scored))


def _one_group(model, rows, flags: NDArray, group: int) -> Array:
    from sklearn.base import clone

    return leave_one_out_errors(clone(model), rows, flags, group)


def tabulate(corpus: Corpus, outcomes: Sequence[Outcome]) -> Evaluation:
    """Measures of outcomes on the corpus's scored rows."""
    places = np.flatnonzero(corpus.scored)
    groups = tuple(corpus.groups[i] for i in places)
    runtimes = tuple(corpus.measurements[i].scenario.runtime for i in places)
    workloads = tuple(corpus.measurements[i].scenario.workload for i in places)
    return Evaluation(
        {o.name: o for o in outcomes},
        {o.name: measures(o, groups, runtimes) for o in outcomes},
        groups,
        runtimes,
        workloads,
        corpus.rows.log_retained[places],
    )
