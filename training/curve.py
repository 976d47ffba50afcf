"""The learning curve over sources: what more of them are worth, and whether the end is near."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.fitting import choose_scored
from models.gaussian import row_terms
from models.kernel import Terms, combine
from models.selection import CANDIDATES, adaptation, leave_out_candidates
from training.corpus import Corpus
from training.metrics import Outcome, mean_by

Array = NDArray[np.float64]

SIZES = (4, 8, 16, 24)
DRAWS = 3
SEED = 0


def learning_curve(
    corpus: Corpus,
    whole: Outcome,
    *,
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
    seed: int = SEED,
    progress: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Error by source on sources that were held out, against how many were taught.

    Each draw is a random order of the scored sources; windows over it hold every source out at
    least once, and the kernel is chosen inside those that are taught. The reference's and
    synthetic rows, and sources without scored rows, are always taught. `whole` is the
    leave-one-source-out outcome, the last point. A record has `sources`, `error_by_source` and
    `range` over the draws.
    """
    rows, scored = corpus.rows, corpus.scored
    terms = row_terms(rows, CANDIDATES[0])
    groups = np.unique(rows.group[scored])
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(groups) for _ in range(draws)]
    found = []
    for size in sizes:
        if size >= len(groups) - 1:
            continue
        by_draw = [
            _mean_by_source(
                _held_out_errors(corpus, terms, np.setdiff1d(order, held), held)
                for held in windows(order, len(groups) - size)
            )
            for order in orders
        ]
        found.append(
            {
                "sources": size,
                "error_by_source": float(np.mean(by_draw)),
                "range": [min(by_draw), max(by_draw)],
            }
        )
        progress()
    names = [corpus.groups[i] for i in np.flatnonzero(scored)]
    last = float(np.mean(list(mean_by(np.abs(whole.error), names).values())))
    found.append({"sources": len(groups) - 1, "error_by_source": last, "range": [last, last]})
    return found


def windows(order: NDArray, size: int) -> Iterator[NDArray]:
    """As few windows (size,) over an order as cover it; the last may overlap the one before."""
    for start in range(0, len(order), size):
        yield order[min(start, len(order) - size) :][:size]


def _held_out_errors(
    corpus: Corpus, terms: Terms, taught: NDArray, held: NDArray
) -> dict[int, float]:
    """Mean absolute error of each held-out group's scored rows, by a model of the taught ones."""
    rows, scored = corpus.rows, corpus.scored
    # By group, so that a held-out source's rows that are not scored are left out with it.
    kept = np.flatnonzero(~np.isin(rows.group, held))
    asked = np.flatnonzero(np.isin(rows.group, held) & scored)
    seen = scored[kept] & np.isin(rows.group[kept], taught)
    some, prior = rows.take(kept), corpus.prior.take(kept)
    answers = leave_out_candidates(some, CANDIDATES, pairs=False, prior=prior)
    amplitudes = answers[choose_scored(answers, some, seen)].amplitudes
    _, covariance = combine(terms, amplitudes)
    among = covariance[np.ix_(kept, kept)] + np.diag(some.noise)
    # The constants are moved by the taught rows, and the prior of the held-out ones with them.
    learned = adaptation(some, prior)
    rows = replace(rows, log_prior=corpus.prior.log_prior(learned.constants(learned.positions())))
    mean = covariance[np.ix_(asked, kept)] @ np.linalg.solve(among, rows.residual[kept])
    error = rows.residual[asked] - np.minimum(mean, rows.limit_of(rows.log_prior)[asked])
    return {int(g): float(np.abs(error[rows.group[asked] == g]).mean()) for g in held}


def _mean_by_source(found: Iterator[dict[int, float]]) -> float:
    """The mean over sources of each one's mean over the times it was held out."""
    times: dict[int, list[float]] = defaultdict(list)
    for errors in found:
        for group, error in errors.items():
            times[group].append(error)
    return float(np.mean([np.mean(v) for v in times.values()]))
