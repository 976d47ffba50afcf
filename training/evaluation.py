"""Leave-one-source-out of all models on one corpus: the table that train and evaluate print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from features.encoder import names_of
from features.vocabulary import vocabulary
from models.calibration import Bounds, calibrate
from models.executor import Executor
from models.fitting import nested
from models.judging import features_of, prior_answer
from models.novelty import nested_novelty
from models.rivals import leave_one_out_errors, reference_cells, rivals
from models.rows import Rows
from models.selection import Candidate, LeaveOut, leave_out_candidates
from models.unaided import UNAIDED, unaided
from training.bootstrap import Draws, error_intervals, ratios
from training.breakdown import breakdown, deciles, flagged, worst_coverage
from training.corpus import Corpus
from training.metrics import LEVELS, Outcome, measures
from training.protocol import PROTOCOL
from training.random_folds import flattering, folded_residual, folds

Array = NDArray[np.float64]

CHAMPION = "champion"
_THREADS = 2
# Which rivals are also shown under random folds, to tell how much those flatter.
FOLDED = ("random-forest", "gradient-boosting")


@dataclass(frozen=True)
class Evaluation:
    """Outcomes of all models on the scored rows, their measures, and whose rows these are."""

    outcomes: dict[str, Outcome]
    table: dict[str, dict]
    groups: tuple[str, ...]
    runtimes: tuple[str, ...]
    workloads: tuple[str, ...]
    observed: Array
    protocol: str = PROTOCOL

    def document(self, corpus: Corpus) -> dict:
        """The document of `evaluate --json`."""
        return {
            "protocol": self.protocol,
            "dataset": {
                "digest": corpus.digests["measured"],
                "digests": corpus.digests,
                "rows": len(self.observed),
                "sources": len(set(self.groups)),
            },
            "leaks": [leak.as_dict() for leak in corpus.leaks],
            "models": self.table,
        }


def evaluate_residual(
    corpus: Corpus, candidates: Sequence[Candidate], name: str = CHAMPION
) -> Outcome:
    """The residual model's nested outcome on the scored rows."""
    honest = nested(corpus.rows, candidates, corpus.scored, LEVELS)
    keep = corpus.scored
    error = (corpus.rows.residual - honest.mean)[keep]
    measured = np.array([m.origin == "measured" for m in corpus.measurements])
    novelty = nested_novelty(corpus.rows, candidates, honest.chosen, honest.expected, measured)
    return Outcome(name, error, _scored(honest.bounds, keep), novelty[keep])


def evaluate_unaided(corpus: Corpus) -> Outcome:
    """The residual model's kernel without the prior, nested like it: what the physics is worth."""
    rows = unaided(corpus.rows)
    honest = nested(rows, leave_out_candidates(rows, UNAIDED), corpus.scored, LEVELS)
    error = (rows.residual - honest.mean)[corpus.scored]
    return Outcome("gp-without-prior", error, _scored(honest.bounds, corpus.scored))


def evaluate_prior(corpus: Corpus) -> Outcome:
    """The prior alone with the same calibration, fitted without the source that is scored."""
    return crossfitted(corpus, prior_answer(corpus.rows), corpus.rows.group, "prior")[0]


def crossfitted(
    corpus: Corpus, answer: LeaveOut, left: NDArray[np.int64], name: str
) -> tuple[Outcome, Array]:
    """The outcome of leave-out answers whose calibration is fitted without what is scored, by codes
    (n,) of what is left out together; and the expected size of all errors (n,) so fitted."""
    rows, keep = corpus.rows, corpus.scored
    features, error = features_of(rows, answer), answer.error(rows)
    none = np.full(len(rows), np.nan)
    expected = none.copy()
    bounds = {level: Bounds(none.copy(), none.copy()) for level in LEVELS}
    for g in np.unique(left[keep]):
        inner, mine = keep & (left != g), left == g
        fitted = calibrate(
            features[inner], error[inner], rows.group[inner], rows.log_retained[inner]
        )
        expected[mine] = fitted.scale(features[mine])
        for level in LEVELS:
            found = fitted.bounds(expected[mine], (rows.log_prior + answer.mean)[mine], level)
            bounds[level].below[mine] = found.below
            bounds[level].above[mine] = found.above
    return Outcome(name, error[keep], _scored(bounds, keep)), expected


def _scored(bounds: dict[float, Bounds], keep: NDArray) -> dict[float, Bounds]:
    return {level: Bounds(b.below[keep], b.above[keep]) for level, b in bounds.items()}


def evaluate_rivals(
    corpus: Corpus, run: Executor | None = None, *, progress: Callable[[], None] = lambda: None
) -> list[Outcome]:
    """The simple rivals' errors, each refitted without each source. The prior has its own.

    The folds are worked on by `run`, by threads here without it.
    """
    measured = corpus.rows.take(np.flatnonzero(corpus.scored))
    outcomes = []
    for name, model in _rivals(corpus).items():
        outcomes.append(Outcome(name, _refitted(model, measured, run), {}))
        progress()
    return outcomes


def evaluate_folded(corpus: Corpus, run: Executor | None = None) -> list[Outcome]:
    """The model and some rivals under random folds. These flatter; see training.random_folds."""
    fold = replace(corpus.rows, group=folds(corpus)).take(np.flatnonzero(corpus.scored))
    models = _rivals(corpus)
    return [
        folded_residual(corpus, CHAMPION),
        *(Outcome(name, _refitted(models[name], fold, run), {}) for name in FOLDED),
    ]


def _rivals(corpus: Corpus) -> dict:
    is_reference = np.array([m.origin == "reference" for m in corpus.measurements])
    words = vocabulary()
    codes = {name: i for i, name in enumerate(names_of("runtime"))}
    parents = {codes[r.name]: codes[r.parent] for r in words.runtimes.values() if r.parent}
    models = rivals(reference_cells(corpus.rows, is_reference), parents)
    models.pop("prior")
    return models


def _refitted(model, rows: Rows, run: Executor | None) -> Array:
    """Errors (n,) of each group's rows by the model fitted to all others."""
    groups = np.unique(rows.group).tolist()
    if run is None:
        found = Parallel(n_jobs=_THREADS, prefer="threads")(
            delayed(_one_group)((model, rows), g) for g in groups
        )
    else:
        found = list(run.map(_one_group, groups, shared=(model, rows)))
    error = np.zeros(len(rows))
    for g, errors in zip(groups, found, strict=True):
        error[rows.group == g] = errors
    return error


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


def _one_group(shared: tuple[Any, Rows], group: int) -> Array:
    from sklearn.base import clone

    model, rows = shared
    flags = np.ones(len(rows), dtype=bool)
    return leave_one_out_errors(clone(model), rows, flags, group)


def tabulate(
    corpus: Corpus, outcomes: Sequence[Outcome], folded: Sequence[Outcome] = ()
) -> Evaluation:
    """Measures of outcomes on the corpus's scored rows, and beside them those under random folds.

    A row's novelty is what the model found, so that every model is judged on the same deciles.
    """
    places = np.flatnonzero(corpus.scored)
    groups = tuple(corpus.groups[i] for i in places)
    runtimes = tuple(corpus.measurements[i].scenario.runtime for i in places)
    workloads = tuple(corpus.measurements[i].scenario.workload for i in places)
    kinds = {"source": groups, "runtime": runtimes, "workload": workloads}
    by_name = {o.name: o for o in outcomes}
    draws = Draws.of(groups)
    novelty = by_name[CHAMPION].novelty if CHAMPION in by_name else None
    if novelty is not None:
        kinds["novelty_decile"] = deciles(novelty)
    table = {}
    for o in outcomes:
        table[o.name] = {
            **measures(o, groups, runtimes),
            **worst_coverage(o, groups, runtimes),
            **error_intervals(np.abs(o.error), draws),
            **({} if o.novelty is None else flagged(o, o.novelty)),
            "ratio_to": ratios(o.name, {k: v.error for k, v in by_name.items()}, draws),
            **_by(o, kinds),
        }
    for o in folded:
        table[o.name]["random_5_fold"] = flattering(o, groups, runtimes)
    return Evaluation(
        by_name,
        table,
        groups,
        runtimes,
        workloads,
        corpus.rows.log_retained[places],
    )


def _by(outcome: Outcome, kinds: Mapping[str, Sequence[str]]) -> dict:
    """Only a model with intervals has more to tell of its groups than the tracked errors do."""
    return {"by": breakdown(outcome, kinds)} if outcome.bounds else {}
