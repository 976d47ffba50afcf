"""A second pass over more rows than can be held: what they say of the centres is added up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datasets.columns import MeasuredColumns, measurement_kinds, read_measured
from datasets.measurement import ORIGINS
from features.chunks import Piece, read_chunks
from features.encoder import encoded_log_prior, encoding_of
from features.integration import expected_priors
from models.basis_fitting import Scheme
from models.kernel import Points
from models.rows import Rows, noise_of
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
    for chunk in read_chunks(piece, measurement_kinds()):
        read = read_measured(chunk.frame)
        if read.problems:
            raise chunk.refusal(read.problems)
        source = read.source.each(settled.codes.__getitem__, -1)
        fold = read.source.each(settled.folds.__getitem__, -1)
        rows, log_priors = rows_of(scheme, read, source)
        found.add(scheme.sums(rows, fold, log_priors))
    return found


def rows_of(scheme: Scheme, read: MeasuredColumns, source: NDArray[np.int64]) -> tuple[Rows, Array]:
    """Measurements (n) of sources (n,) as rows relative to the reference's prior, and their log
    prior (n, folds + 1) under each of the scheme's constants."""
    priors = expected_priors(read.table, scheme.constant_sets)
    encoding = encoding_of(read.table, priors[0], priors[0])
    log_priors = priors.log_retained.T.copy()
    spread = priors[0].host_spread.copy()
    base_encoding = np.zeros((0, encoding.shape[1]))
    loss = encoded_log_prior(encoding)
    if len(read.baseline):
        beneath = expected_priors(read.baselines, scheme.constant_sets)
        base_encoding = encoding_of(read.baselines, beneath[0], beneath[0])
        log_priors[read.baseline] -= beneath.log_retained.T
        loss[read.baseline] -= encoded_log_prior(base_encoding)
        spread[read.baseline] = np.abs(spread[read.baseline] - beneath[0].host_spread)
    rows = Rows(
        points=Points(encoding, source, read.resource),
        baseline=read.baseline,
        baseline_points=Points(base_encoding, source[read.baseline], read.resource[read.baseline]),
        log_retained=np.log(read.retained),
        log_prior=log_priors[:, 0],
        host_spread=spread,
        noise=noise_of(
            np.array(ORIGINS)[read.origin],
            read.cautioned,
            np.nan_to_num(read.spread),
            np.nan_to_num(read.repeats, nan=1.0),
            loss,
        ),
        group=source,
    )
    return rows, log_priors[:, 1:]
