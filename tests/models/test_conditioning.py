"""Own rows and left-out rows in closed form against plain refits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.encoder import encode
from features.scenario import Scenario
from models.calibration import Calibration, scale_features
from models.conditioning import (
    Observation,
    condition,
    joint_covariance,
    own_source,
    posterior,
    resource_codes,
)
from models.fitting import fit_predictor
from models.gaussian import cross_terms, row_terms
from models.kernel import Amplitudes, Points, combine, self_variance
from models.narrowing import Narrowing, learn_narrowing, own_answers
from models.persistence import load_predictor, save_predictor
from models.rows import make_rows
from models.selection import LeaveOut, leave_out_candidates
from models.solving import solve

from .conftest import Row, law_rows

HOST = {"cores": 8, "memory_gb": 32, "network_gbps": 10, "storage_iops": 200_000}
ASKED = [Scenario("gvisor", "web.static", **HOST), Scenario("vm", "cpu.int", **HOST)]
MINE = [
    Observation(Scenario("gvisor", "database.kv", **HOST), 0.9, spread=0.05, repeats=3),
    Observation(Scenario("gvisor", "web.static", cores=4), 0.7),
    Observation(Scenario("container", "cpu.int", **HOST), 0.95),
]


@pytest.fixture(scope="module")
def taught():
    return law_rows()


@pytest.fixture(scope="module")
def predictor(law):
    rows, records = law
    scored = np.ones(len(rows), dtype=bool)
    return fit_predictor(rows, records, scored, version="3", trained_at="2026-01-01T00:00:00+00:00")


def points_of(scenarios, source):
    encoding, _ = encode(scenarios)
    return Points(encoding, np.full(len(scenarios), source), resource_codes(scenarios))


def refit(taught, predictor, extra, leave=None):
    """Mean and latent covariance at ASKED from a process fitted to all rows, own ones too."""
    plain, codes = taught
    rows = [*plain, *extra]
    source = own_source(predictor.rows)
    codes = [*codes, *[source] * len(extra)]
    kept = [i for i in range(len(rows)) if i != leave]
    made = make_rows([rows[i] for i in kept], [codes[i] for i in kept], [codes[i] for i in kept])
    own = made.points.source == source
    made = replace(made, noise=made.noise * np.where(own, predictor.narrowing.scatter, 1.0))
    amplitudes = predictor.amplitudes
    solution = solve(row_terms(made, amplitudes), amplitudes, made.noise, made.residual)
    points = points_of(ASKED, source)
    _, k = combine(cross_terms(points, made, amplitudes), amplitudes)
    _, whole = self_variance(points.encoding, amplitudes)
    return k @ solution.alpha, whole - np.einsum("ij,ij->i", k @ solution.precision, k)


def test_conditioning_equals_a_refit_with_the_own_rows(taught, predictor):
    points = points_of(ASKED, own_source(predictor.rows))
    own = predictor.condition(MINE)
    found = posterior(predictor, points, own)
    mean, variance = refit(taught, predictor, MINE)
    np.testing.assert_allclose(found.mean, mean, atol=1e-9)
    both = joint_covariance(predictor, points, own)
    np.testing.assert_allclose(both.diagonal(), variance, rtol=1e-6)
    noise = found.variance - joint_covariance(predictor, points).diagonal()
    after = (found.narrowed**2) * found.variance - noise
    np.testing.assert_allclose(after, variance, rtol=1e-6)


@pytest.mark.parametrize("leave", [0, 17, -1, -3])
def test_without_a_row_equals_a_refit_without_it(taught, predictor, leave):
    rows = len(taught[0]) + len(MINE)
    place = leave % rows
    found = posterior(
        predictor, points_of(ASKED, own_source(predictor.rows)), predictor.condition(MINE)
    )
    mean, _ = refit(taught, predictor, MINE, leave=place)
    for i in range(len(ASKED)):
        assert found.without(i, place) == pytest.approx(mean[i], abs=1e-9)


def test_weights_are_what_the_mean_is_made_of(predictor):
    own = predictor.condition(MINE)
    found = posterior(predictor, points_of(ASKED, own_source(predictor.rows)), own)
    told = np.concatenate([predictor.rows.residual, own.rows.residual])
    np.testing.assert_allclose(found.weights @ told, found.mean, atol=1e-9)


def test_own_rows_move_the_answer_towards_them_and_shrink_the_interval(predictor):
    [plain] = predictor.predict(ASKED[:1])
    near = [
        Observation(replace(ASKED[0], cores=c), plain.retained * 0.7, spread=0.02, repeats=5)
        for c in (4, 8, 16)
    ]
    [own] = predictor.predict(ASKED[:1], observations=near)
    assert plain.retained * 0.6 < own.retained < plain.retained * 0.95
    width = [np.ptp(np.log(p.interval)) for p in (own, plain)]
    assert width[0] < width[1]
    assert own.novelty.score < plain.novelty.score
    assert own.version == plain.version
    assert own.evidence[0].source == "observations"
    assert own.evidence[0].citation == "your measurement"
    # Two of the three are left, and they say the same.
    assert own.evidence[0].without == pytest.approx(own.retained, rel=0.05)
    assert any("your 3 measurements carry" in r for r in own.novelty.reasons)
    # Nothing is kept: the next caller's answer is as it was.
    assert predictor.predict(ASKED[:1])[0].as_dict() == plain.as_dict()


def test_own_rows_that_do_not_bear_on_a_scenario_say_so_and_change_little(predictor):
    far = [Observation(Scenario("container", "cpu.int", **HOST), 1.0)]
    [plain] = predictor.predict(ASKED[:1])
    [own] = predictor.predict(ASKED[:1], observations=far)
    assert own.retained == pytest.approx(plain.retained, rel=0.1)
    assert own.interval == pytest.approx(plain.interval, rel=0.3)
    assert "your measurement hardly bears on this scenario" in own.novelty.reasons


def test_a_pair_that_the_caller_measured_is_not_called_unmeasured(predictor):
    asked = [Scenario("kata", "web.static", cores=8)]
    [plain] = predictor.predict(asked)
    mine = [Observation(Scenario("kata", "web.static", cores=2), 0.8)]
    [own] = predictor.predict(asked, observations=mine)
    assert any("no measurement of kata" in r for r in plain.novelty.reasons)
    assert not any("no measurement of kata" in r for r in own.novelty.reasons)


def test_native_keeps_all_whatever_was_measured(predictor):
    [p] = predictor.predict([Scenario("native", "web.static", **HOST)], observations=MINE)
    assert p.retained == pytest.approx(1.0)


def test_where_the_prior_is_served_own_rows_alone_move_it(predictor):
    prior = replace(predictor, use_residual=False)
    [plain] = prior.predict(ASKED[:1])
    assert plain.residual_factor == 1.0
    assert plain.evidence[0].without == pytest.approx(plain.retained)
    low = [Observation(ASKED[0], plain.retained * 0.6)]
    assert prior.predict(ASKED[:1], observations=low)[0].retained < plain.retained


def test_a_difference_is_no_own_row(predictor):
    row = Row(ASKED[0], 0.7, baseline=Scenario("container", "web.static", **HOST))
    with pytest.raises(ValueError, match="bare metal"):
        condition(predictor, make_rows([row], [99], [99]))


def test_only_the_first_evidence_carries_what_would_be_without_it(predictor):
    [p] = predictor.predict(ASKED[:1])
    document = p.as_dict()["evidence"]
    assert "without" in document[0]
    assert not any("without" in e for e in document[1:])


def test_left_out_sources_with_own_rows_equal_refits(law):
    rows, _ = law
    # A prior that loses more leaves every residual below its limit.
    rows = replace(rows, log_prior=rows.log_prior - 1, log_retained=rows.log_retained - 1)
    amplitudes = Amplitudes()
    solution = solve(row_terms(rows, amplitudes), amplitudes, rows.noise, rows.residual)
    scored = np.ones(len(rows), dtype=bool)
    [candidate] = leave_out_candidates(rows, [amplitudes])
    answer = candidate.without[2]
    found = own_answers(rows, solution.precision, answer, scored, 5, draws=1, without=2, only=4)
    mine = np.flatnonzero(rows.group == 4)
    assert len(found) == len(mine) - 5
    own = np.setdiff1d(mine, found.place)
    for seen, mean in ((own, found.mean), (np.zeros(0, dtype=int), found.plain)):
        kept = np.concatenate([np.flatnonzero(~np.isin(rows.group, [2, 4])), seen])
        rest = rows.take(kept)
        refitted = solve(row_terms(rest, amplitudes), amplitudes, rest.noise, rest.residual)
        points = rows.points.take(found.place)
        _, k = combine(cross_terms(points, rest, amplitudes), amplitudes)
        expected = np.minimum(k @ refitted.alpha, rows.limit_of(rows.log_prior)[found.place])
        np.testing.assert_allclose(mean, expected, atol=1e-9)
    assert (found.narrowed < 1).all()


def test_intervals_with_own_rows_keep_their_promise_on_a_law(predictor):
    fresh, codes = law_rows(seed=1, sources=12)
    inside, narrower = [], []
    for source in range(12):
        mine = [r for r, c in zip(fresh, codes, strict=True) if c == source]
        own = [Observation(r.scenario, r.retained, r.spread, r.repeats) for r in mine[::3]]
        rest = [r for i, r in enumerate(mine) if i % 3]
        plain = predictor.predict([r.scenario for r in rest])
        told = predictor.predict([r.scenario for r in rest], observations=own)
        for row, a, b in zip(rest, plain, told, strict=True):
            inside.append(b.interval[0] <= row.retained <= b.interval[1])
            narrower.append(np.ptp(np.log(b.interval)) / np.ptp(np.log(a.interval)))
    # Few sources teach wide intervals: they may keep more than they promise, not less.
    assert np.mean(inside) >= 0.88
    assert np.median(narrower) < 0.9


def test_where_own_rows_leave_all_the_interval_is_the_plain_one():
    encoding, prior = encode(ASKED)
    features = scale_features(encoding, prior.log_retained, np.full(2, 0.2), prior.host_spread)
    scores, cumulative = np.linspace(-2, 2, 41), np.linspace(0.02, 0.98, 41)
    plain = Calibration(np.zeros(features.shape[1]), scores, cumulative, 0.5)
    narrowing = Narrowing(1.0, 0.5, replace(plain, scores=scores / 2))
    before = plain.bounds(features, prior.log_retained, 0.9)
    same = narrowing.bounds(plain, features, prior.log_retained, 0.9, np.ones(2))
    half = narrowing.bounds(plain, features, prior.log_retained, 0.9, np.full(2, 0.25))
    np.testing.assert_allclose(same.below, before.below)
    np.testing.assert_allclose(half.below, before.below * 0.5 * 0.25**0.5)


def test_sources_too_small_to_draw_from_teach_no_narrowing(law):
    rows, _ = law
    amplitudes = Amplitudes()
    solution = solve(row_terms(rows, amplitudes), amplitudes, rows.noise, rows.residual)
    answer = LeaveOut(np.zeros(len(rows)), np.ones(len(rows)))
    few = np.zeros(len(rows), dtype=bool)
    few[:6] = True
    plain = Calibration(np.zeros(3), np.array([-1.0, 1.0]), np.array([0.1, 0.9]), 0.0)
    found = learn_narrowing(
        rows,
        np.ones((len(rows), 3)),
        plain,
        lambda count, scatter: own_answers(
            rows, solution.precision, answer, few, count, scatter=scatter
        ),
    )
    assert found == Narrowing(1.0, 0.0, plain)


def test_a_stored_predictor_narrows_alike(predictor, tmp_path):
    save_predictor(predictor, tmp_path)
    told = [p.predict(ASKED, observations=MINE) for p in (predictor, load_predictor(tmp_path))]
    assert [p.as_dict() for p in told[0]] == [p.as_dict() for p in told[1]]
