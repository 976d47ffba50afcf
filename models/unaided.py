"""The rival without physics: the same additive kernel on log retained itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.encoder import PARTS_FROM
from models.kernel import Amplitudes, Points
from models.rows import Rows, noise_share

# Log retained is larger than its residual, so the terms that carry over are tried larger too.
# A kernel that sees no prior holds every source to its least stake; three times the amplitudes
# gives sources the room they have under the residual model.
UNAIDED: tuple[Amplitudes, ...] = tuple(
    replace(Amplitudes().scaled(general, local), parts=0.0, **terms)
    for general, local in ((1.0, 3.0), (2.0, 3.0), (4.0, 5.0))
    for terms in ({}, {"mechanisms": 0.0, "points": 0.0})
)


def unaided(rows: Rows) -> Rows:
    """The same rows as if there were no prior: its parts are gone from the encoding, its log
    retained and range are 0, and the noise is no smaller where it sees little loss."""
    nothing = np.zeros(len(rows))
    return replace(
        rows,
        points=_blinded(rows.points),
        baseline_points=_blinded(rows.baseline_points),
        log_prior=nothing,
        host_spread=nothing,
        noise=rows.noise / noise_share(rows.log_prior) ** 2,
    )


def _blinded(points: Points) -> Points:
    encoding = points.encoding.copy()
    encoding[:, PARTS_FROM:] = 0.0
    return replace(points, encoding=encoding)
