"""A second pass over more rows than can be held: what they say of the centres is added up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from datasets.columns import MeasuredColumns, measured_chunks
from datasets.measurement import ORIGINS
from features.chunks import Piece
from features.encoder import encoding_of
from features.integration import expected_priors
from models.basis_fitting import Scheme
from models.rows import Rows, encoded_rows, noise_of
from models.statistics import Statistics

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Settled:
    """What the second pass needs: the scheme, and each source's code and fold."""

    scheme: Scheme
    codes: dict[str, int]
    folds: dict[str, int]


def add_up(settled: Settled, piece: Piece) -> Statistics:
    """The sums over the rows of a piece."""
    scheme = settled.scheme
    found = Statistics.none(scheme.basis, scheme.folds)
    for _, read in measured_chunks(piece):
        source = read.source.each(settled.codes.__getitem__, -1)
        fold = read.source.each(settled.folds.__getitem__, -1)
        rows, log_priors = rows_of(scheme, read, source)
        found.add(scheme.sums(rows, fold, log_priors))
    return found


def rows_of(scheme: Scheme, read: MeasuredColumns, source: NDArray[np.int64]) -> tuple[Rows, Array]:
    """Measurements (n) of sources (n,) as rows relative to the reference's prior, and their log
    prior (n, folds + 1) under each of the scheme's constants."""
    priors = expected_priors(read.table, scheme.constant_sets)
    log_priors = priors.log_retained.T.copy()
    held = None
    if len(read.baseline):
        beneath = expected_priors(read.baselines, scheme.constant_sets)
        log_priors[read.baseline] -= beneath.log_retained.T
        held = encoding_of(read.baselines, beneath[0], beneath[0]), beneath[0]
    rows = encoded_rows(
        (encoding_of(read.table, priors[0], priors[0]), priors[0]),
        held,
        read.baseline,
        source,
        read.resource,
        np.log(read.retained),
        partial(
            noise_of,
            np.array(ORIGINS)[read.origin],
            read.cautioned,
            np.nan_to_num(read.spread),
            np.nan_to_num(read.repeats, nan=1.0),
        ),
        source,
    )
    return rows, log_priors[:, 1:]
