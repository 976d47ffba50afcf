"""Closed-form leave-out against plain refits, nesting, and skill on a known law."""

from __future__ import annotations

import numpy as np
import pytest

from models.fitting import nested
from models.gaussian import cross_terms, row_terms
from models.kernel import Amplitudes, combine, self_variance
from models.rows import make_rows
from models.selection import CANDIDATES, leave_out_candidates, score
from models.solving import solve

from .conftest import Row, law_rows


def refit(rows, amplitudes, out):
    """Mean and variance of rows `out` from a process fitted to the others alone."""
    rest = rows.take(np.flatnonzero(~np.isin(rows.group, out)))
    mine = rows.take(np.flatnonzero(rows.group == out[0]))
    solution = solve(row_terms(rest, amplitudes), amplitudes, rest.noise, rest.residual)
    _, k = combine(cross_terms(mine.points, rest, amplitudes), amplitudes)
    _, whole = self_variance(mine.points.encoding, amplitudes)
    variance = whole + mine.noise - np.einsum("ij,ij->i", k @ solution.precision, k)
    return np.minimum(k @ solution.alpha, mine.limit_of(mine.log_prior)), variance


def test_closed_form_leave_one_and_two_out_equal_refits(law):
    rows, _ = law
    [found] = leave_out_candidates(rows, [Amplitudes()])
    for g in (0, 5):
        mean, variance = refit(rows, Amplitudes(), [g])
        mine = rows.group == g
        np.testing.assert_allclose(found.single.mean[mine], mean, atol=1e-9)
        np.testing.assert_allclose(found.single.variance[mine], variance, rtol=1e-7)
    mean, _ = refit(rows, Amplitudes(), [5, 3])
    np.testing.assert_allclose(found.without[3].mean[rows.group == 5], mean, atol=1e-9)
    assert np.isnan(found.without[3].mean[rows.group == 3]).all()


def test_a_law_is_learned_and_its_intervals_keep_their_promise(law):
    rows, _ = law
    scored = np.ones(len(rows), dtype=bool)
    answers = leave_out_candidates(rows, CANDIDATES)
    honest = nested(rows, answers, scored, (0.5, 0.9))
    error = rows.residual - honest.mean
    assert score(error, rows.group) < 0.6 * score(rows.residual, rows.group)
    covered = honest.bounds[0.9].holds(error)
    assert 0.83 <= covered.mean() <= 0.98
    assert 0.4 <= honest.bounds[0.5].holds(error).mean() <= 0.65


def test_shuffled_targets_give_no_skill():
    plain, codes = law_rows(shuffle=True)
    rows = make_rows(plain, codes, codes)
    scored = np.ones(len(rows), dtype=bool)
    honest = nested(rows, leave_out_candidates(rows, CANDIDATES), scored, (0.9,))
    mean_only = rows.residual - rows.residual.mean()
    assert score(rows.residual - honest.mean, rows.group) > 0.95 * score(mean_only, rows.group)


def test_nothing_of_a_left_out_source_reaches_its_own_answer(law):
    rows, _ = law
    scored = np.ones(len(rows), dtype=bool)
    changed = rows.log_retained.copy()
    changed[rows.group == 4] += 2.0
    other = type(rows)(**{**vars(rows), "log_retained": changed})
    first = nested(rows, leave_out_candidates(rows, CANDIDATES), scored, (0.9,))
    second = nested(other, leave_out_candidates(other, CANDIDATES), scored, (0.9,))
    mine = rows.group == 4
    assert first.chosen[4] == second.chosen[4]
    np.testing.assert_allclose(first.mean[mine], second.mean[mine], atol=1e-8)
    np.testing.assert_allclose(
        first.bounds[0.9].below[mine], second.bounds[0.9].below[mine], rtol=1e-6
    )


def test_a_difference_to_a_baseline_is_learned_as_one():
    plain, codes = law_rows(sources=6)
    base = [r.scenario.under("container") for r in plain]
    from features.prior import evaluate

    below = evaluate(base).retained
    pairs = [
        Row(r.scenario, float(r.retained / b), baseline=s)
        for r, s, b in zip(plain, base, below, strict=True)
        if r.scenario.runtime != "container"
    ]
    kept = [c for r, c in zip(plain, codes, strict=True) if r.scenario.runtime != "container"]
    rows = make_rows(pairs, kept, kept)
    assert len(rows.baseline) == len(rows)
    [found] = leave_out_candidates(rows, [Amplitudes()], pairs=False)
    assert score(found.single.error(rows), rows.group) < 0.7 * score(rows.residual, rows.group)


def test_native_has_no_residual():
    plain = [Row(r.scenario.under("native"), 1.0) for r in law_rows(sources=3)[0]]
    rows = make_rows(plain, range(len(plain)), range(len(plain)))
    for terms in (row_terms(rows, Amplitudes()).general, row_terms(rows, Amplitudes()).local):
        assert all(not np.any(k) for k in terms.values())


def test_two_sources_are_too_few_to_leave_one_out():
    plain, codes = law_rows(sources=2)
    with pytest.raises(ValueError, match="3 sources or more"):
        leave_out_candidates(make_rows(plain, codes, codes), CANDIDATES)
