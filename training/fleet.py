"""Training on more rows than can be held: looked through once, then summed in pieces.

The first pass checks every row, counts, and draws a sample of all sources. The exact model is
fitted to the sample and to the shipped measurements; it settles amplitudes, constants and centres.
The second pass adds up what all rows say of the centres (models.statistics). Both passes are of
pieces that any process may work on, and neither holds more than a chunk of rows at once.

Sources are left out by folds: what is said of a fold's rows comes from the rows of all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from datasets.row import measurement_from_record
from datasets.shipped import measured
from datasets.sources import sources
from features.chunks import Piece
from models.basis import CENTRES
from models.basis_fitting import (
    Sample,
    Scheme,
    basis_predictor,
    fit_sample,
    log_priors_of,
    make_scheme,
)
from models.evidence import known_of
from models.executor import Executor
from models.kernel import Amplitudes, mechanism_sets
from models.predictor import Predictor
from models.selection import CANDIDATES, LeaveOut
from models.statistics import Statistics
from training.corpus import Corpus, corpus_with
from training.kept_sums import KeptSums
from training.leaks import refuse_repeats
from training.looking import Looked, look
from training.sampling import SourceSample, text_key
from training.summing import Settled, add_up

# Rows that the exact model is fitted to beside the shipped ones.
SAMPLE_ROWS = 512
FOLDS = 8

Step = Callable[[str], None]
Progress = Callable[[str, int], AbstractContextManager[Step]]


@dataclass(frozen=True)
class Fleet:
    """What came of all rows: the predictor; the shipped rows and the sample that it is judged on,
    with their folds and leave-fold-out answers, and those of the exact model; how many rows of how
    many sources were summed beside the shipped ones, and the jitter that the centres took."""

    predictor: Predictor
    corpus: Corpus
    sample: Sample
    answer: LeaveOut
    exact: LeaveOut
    rows: int
    sources: int
    jitter: float


def fold_of(group: str, folds: int = FOLDS) -> int:
    """The fold that a group of sources is in, whichever others there are."""
    return text_key(group) % folds


@dataclass(frozen=True)
class Prepared:
    """What a first pass found, the corpus of shipped rows and sample with what was fitted to it,
    the exact model's leave-fold-out answers, and what the second pass needs."""

    looked: Looked
    corpus: Corpus
    sample: Sample
    exact: LeaveOut
    settled: Settled


def fit_fleet(
    parts: Sequence[Piece],
    run: Executor,
    progress: Progress,
    *,
    seed: int = 0,
    centres: int = CENTRES,
    candidates: Sequence[Amplitudes] = CANDIDATES,
) -> Fleet:
    """The basis model of the rows of all pieces and of the shipped rows.

    An interrupted second pass goes on from what it had summed. Raises InvalidInput naming file and
    row of what is wrong, NotStored where what was summed cannot be kept.
    """
    prepared = prepare(parts, run, progress, seed=seed, centres=centres, candidates=candidates)
    return _finished(prepared, _summed(parts, prepared.settled, run, progress))


def prepare(
    parts: Sequence[Piece],
    run: Executor,
    progress: Progress,
    *,
    seed: int = 0,
    centres: int = CENTRES,
    candidates: Sequence[Amplitudes] = CANDIDATES,
) -> Prepared:
    """All that comes before the second pass. Raises InvalidInput naming file and row."""
    looked = Looked(SourceSample(SAMPLE_ROWS))
    with progress("checking rows", len(parts)) as step:
        for found in run.map(look, parts, shared=SAMPLE_ROWS, step=step):
            looked.add(found)
    own = [measurement_from_record(r, f"own-{i}") for i, r in enumerate(looked.sample.records())]
    refuse_repeats(own, measured(), "measurements")
    corpus = corpus_with(own, seed=seed)
    fold = np.array([fold_of(group) for group in corpus.groups])
    with progress("fitting a sample", len(candidates) + 1) as step:
        sample, exact = fit_sample(
            corpus.rows,
            corpus.records,
            fold,
            corpus.scored,
            corpus.prior,
            candidates=candidates,
            progress=lambda: step("candidate"),
        )
        scheme = make_scheme(sample, FOLDS, centres=centres)
        step("centres")
    return Prepared(looked, corpus, sample, exact, _settled(scheme, corpus, looked))


def _finished(prepared: Prepared, sums: Statistics) -> Fleet:
    """The predictor of what was summed and of the shipped rows."""
    corpus, sample, looked = prepared.corpus, prepared.sample, prepared.looked
    scheme = prepared.settled.scheme
    shipped = np.setdiff1d(np.arange(len(corpus.rows)), own_rows(corpus))
    log_priors = log_priors_of(scheme, sample)
    sums.add(scheme.sums(corpus.rows.take(shipped), sample.fold[shipped], log_priors[shipped]))
    found_there = [looked.mechanisms, mechanism_sets(sample.rows.points.encoding[sample.measured])]
    predictor, answer = basis_predictor(
        scheme,
        sums,
        sample,
        log_priors,
        known=known_of(corpus.records).and_of(looked.known),
        mechanisms=np.unique(np.vstack(found_there), axis=0),
        version="0",
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    jitter = scheme.basis.general.jitter
    return Fleet(
        predictor,
        corpus,
        sample,
        answer,
        prepared.exact,
        looked.rows,
        len(looked.counts),
        jitter,
    )


def own_rows(corpus: Corpus) -> NDArray[np.int64]:
    """The places in a corpus of a user's own rows, which stand before the reference's."""
    sizes = corpus.sizes
    end = len(corpus.rows) - sizes["reference"] - sizes["synthetic"]
    return np.arange(end - sizes["own"], end)


def _settled(scheme: Scheme, corpus: Corpus, looked: Looked) -> Settled:
    """Every source's code and fold, those that gave no row to the sample after the others."""
    rows = corpus.rows
    codes = {
        m.source: int(code) for m, code in zip(corpus.measurements, rows.points.source, strict=True)
    }
    free = max(codes.values()) + 1
    codes |= {n: free + i for i, n in enumerate(sorted(set(looked.counts) - set(codes)))}
    group_of = {s.id: s.group for s in sources().values()}
    return Settled(scheme, codes, {name: fold_of(group_of.get(name, name)) for name in codes})


def _summed(
    parts: Sequence[Piece], settled: Settled, run: Executor, progress: Progress
) -> Statistics:
    kept = KeptSums(parts, settled)
    with progress("summing rows", len(parts)) as step:
        sums, done = kept.load()
        for _ in range(done):
            step("summed before")
        for found in run.map(add_up, parts[done:], shared=settled, step=step):
            sums.add(found)
            done += 1
            kept.keep(sums, done)
    kept.forget()
    return sums
