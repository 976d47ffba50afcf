"""Random folds, which flatter: rows of every source were seen in training. Beside the honest test
only, and marked so wherever they appear."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.fitting import nested
from models.rows import Rows
from models.selection import CANDIDATES, leave_out_candidates
from training.corpus import Corpus
from training.metrics import LEVEL, Outcome, measures

FOLDS = 5
SEED = 0
# What is told of a model under random folds.
TOLD = ("error_by_source", "error_by_row", "median_error", "coverage")


def folds(corpus: Corpus) -> NDArray[np.int64]:
    """A random fold (n,) of each scored row; FOLDS for all others, which are always taught."""
    places = np.flatnonzero(corpus.scored)
    fold = np.full(len(corpus.rows), FOLDS)
    fold[places] = np.random.default_rng(SEED).permutation(len(places)) % FOLDS
    return fold


def folded_residual(corpus: Corpus, name: str) -> Outcome:
    """The residual model under random folds, with what it knows of the row's own source."""
    rows: Rows = replace(corpus.rows, group=folds(corpus))
    answers = leave_out_candidates(rows, CANDIDATES, prior=corpus.prior)
    honest = nested(rows, answers, corpus.scored, (LEVEL,))
    keep = corpus.scored
    bounds = {
        level: replace(b, below=b.below[keep], above=b.above[keep])
        for level, b in honest.bounds.items()
    }
    return Outcome(name, (rows.residual - honest.mean)[keep], bounds)


def flattering(
    outcome: Outcome, groups: tuple[str, ...], runtimes: tuple[str, ...]
) -> Mapping[str, float | bool]:
    """The figures of an outcome under random folds, with the mark that they flatter."""
    # A single level gives no CRPS worth telling, and nothing but errors and coverage is told.
    found = measures(outcome, groups, runtimes)
    return {**{k: found[k] for k in TOLD if k in found}, "flattering": True}
