"""The kernel without the prior: it sees nothing of the physics, and still learns a law."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.encoder import PARTS_FROM
from models.fitting import nested
from models.selection import leave_out_candidates, score
from models.unaided import UNAIDED, unaided


def test_nothing_of_the_prior_is_left(law):
    rows, _ = law
    # Another prior, and with it another noise and encoding: the answer may not move.
    parts = rows.points.encoding.copy()
    parts[:, PARTS_FROM:] = -1.0
    other = replace(
        rows, points=replace(rows.points, encoding=parts), host_spread=rows.host_spread + 1.0
    )
    first, second = unaided(rows), unaided(other)
    assert np.array_equal(first.residual, rows.log_retained)
    assert np.array_equal(first.points.encoding, second.points.encoding)
    assert not first.host_spread.any()
    np.testing.assert_allclose(first.noise, first.noise[0])


def test_it_learns_what_runtimes_and_workloads_share(law):
    rows = unaided(law[0])
    scored = np.ones(len(rows), dtype=bool)
    honest = nested(rows, leave_out_candidates(rows, UNAIDED), scored, (0.9,))
    error = rows.residual - honest.mean
    assert score(error, rows.group) < 0.4 * score(rows.residual, rows.group)
    assert 0.8 <= honest.bounds[0.9].holds(error).mean() <= 1.0
