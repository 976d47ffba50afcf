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
    posterior,
    told,
)
from models.fitting import fit_predictor
from models.gaussian import cross_terms, row_terms
from models.judging import features_at
from models.kernel import Amplitudes, combine, kernel_terms
from models.narrowing import SCATTERS, Narrowing, learn_narrowing, own_answers
from models.persistence import load_predictor, save_predictor
from models.rig import SHARED, heavy_tailed
from models.rows import NOISE_CLEAN, make_rows, noise_share, residual_limit
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


def by_hand(taught, predictor, extra):
    """What own rows do at ASKED, from a process fitted to the training rows alone: its joint
    covariance at all points, resized to the expected errors, and one dense conditional law.

    Also mean and own rows' precision, to leave rows out of.
    """
    plain, codes = taught
    made = make_rows(plain, codes, codes)
    amplitudes = predictor.amplitudes
    solution = solve(row_terms(made, amplitudes), amplitudes, made.noise, made.residual)
    everything = [*ASKED, *[o.scenario for o in extra]]
    points, prior = predictor.points_of(everything)
    _, k = combine(cross_terms(points, made, amplitudes), amplitudes)
    _, whole = combine(kernel_terms(points, points, amplitudes), amplitudes)
    latent = whole - k @ solution.precision @ k.T
    noise = (NOISE_CLEAN * noise_share(prior.log_retained)) ** 2
    features = scale_features(
        points.encoding,
        prior.log_retained,
        latent.diagonal() + noise + prior.host_spread**2,
        prior.host_spread,
    )
    expected = predictor.calibration.scale(features)
    size = np.sqrt(SHARED) * expected / np.sqrt(latent.diagonal())
    shared = latent * np.outer(size, size)
    said = np.minimum(k @ solution.alpha, residual_limit(prior.log_retained))
    a, o = slice(0, len(ASKED)), slice(len(ASKED), None)
    own = make_rows(extra, [99] * len(extra), [99] * len(extra))
    error = own.residual - said[o]
    scatter = predictor.narrowing.scatter * expected**2
    more = np.maximum(own.noise - noise[o], 0.0)
    about = heavy_tailed(shared[o, o], scatter[o] + more, error)
    inverse = np.linalg.inv(shared[o, o] + np.diag(about))
    gain = shared[a, o] @ inverse
    left = shared[a, a] - gain @ shared[o, a]
    narrowed = (left.diagonal() + scatter[a]) / (shared[a, a].diagonal() + scatter[a])
    return said[a] + gain @ error, left, np.sqrt(narrowed), gain, (shared, about, error, said)


def conditioned(predictor, observations):
    points, prior = predictor.points_of(ASKED)
    before = posterior(predictor, points)
    expected = predictor.calibration.scale(features_at(points, prior.host_spread, before))
    own = predictor.condition(observations)
    return points, expected, own, told(predictor, points, before, own, expected)


def test_conditioning_equals_the_dense_law(taught, predictor):
    points, expected, own, found = conditioned(predictor, MINE)
    mean, left, narrowed, _, _ = by_hand(taught, predictor, MINE)
    np.testing.assert_allclose(found.mean, mean, atol=1e-9)
    np.testing.assert_allclose(found.narrowed, narrowed, rtol=1e-6)
    both = joint_covariance(predictor, points, expected, own)
    np.testing.assert_allclose(both, left, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("leave", [0, 1, 2])
def test_without_an_own_row_equals_the_law_without_it(taught, predictor, leave):
    """The others being believed as they are beside it."""
    _, _, _, found = conditioned(predictor, MINE)
    _, _, _, _, (shared, about, error, said) = by_hand(taught, predictor, MINE)
    kept = np.array([i for i in range(len(MINE)) if i != leave])
    at = kept + len(ASKED)
    alpha = np.linalg.solve(shared[np.ix_(at, at)] + np.diag(about[kept]), error[kept])
    for i in range(len(ASKED)):
        expected = said[i] + shared[i, at] @ alpha
        assert found.without(i, len(taught[0]) + leave) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("leave", [0, 17])
def test_without_a_training_row_equals_a_refit_that_own_rows_correct_alike(
    taught, predictor, leave
):
    _, _, own, found = conditioned(predictor, MINE)
    _, _, _, gain, _ = by_hand(taught, predictor, MINE)
    plain, codes = taught
    kept = [i for i in range(len(plain)) if i != leave]
    rest = make_rows([plain[i] for i in kept], [codes[i] for i in kept], [codes[i] for i in kept])
    amplitudes = predictor.amplitudes
    solution = solve(row_terms(rest, amplitudes), amplitudes, rest.noise, rest.residual)
    points, _ = predictor.points_of([*ASKED, *[o.scenario for o in MINE]])
    said = combine(cross_terms(points, rest, amplitudes), amplitudes)[1] @ solution.alpha
    mean = said[: len(ASKED)] + gain @ (own.rows.residual - said[len(ASKED) :])
    for i in range(len(ASKED)):
        assert found.without(i, leave) == pytest.approx(mean[i], abs=1e-9)


def test_weights_are_what_the_mean_is_made_of(predictor):
    _, _, own, found = conditioned(predictor, MINE)
    rows = np.concatenate([predictor.rows.residual, own.rows.residual])
    np.testing.assert_allclose(found.weights @ rows, found.mean, atol=1e-9)


def test_a_row_that_contradicts_the_others_is_believed_less(predictor):
    [plain] = predictor.predict(ASKED[:1])
    agreed = [
        Observation(replace(ASKED[0], cores=c), plain.retained * 0.8, repeats=5)
        for c in (2, 4, 8, 16)
    ]
    [base] = predictor.predict(ASKED[:1], observations=agreed)
    moved = []
    for factor in (0.4, 0.04):
        odd = Observation(ASKED[0], plain.retained * factor, repeats=5)
        [own] = predictor.predict(ASKED[:1], observations=[*agreed, odd])
        moved.append(np.log(base.retained / own.retained))
        assert own.retained < base.retained
    # Ten times as far off is not believed as far.
    assert moved[1] < moved[0]


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
        condition(predictor, make_rows([row], [99], [99]), np.ones(1), 0.1)


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
    size = 0.2 + 0.1 * np.cos(np.arange(len(rows)))
    found = own_answers(
        rows, solution.precision, answer, scored, 5, size, scatter=0.2, draws=1, without=2, only=4
    )
    mine = np.flatnonzero(rows.group == 4)
    assert len(found) == len(mine) - 5
    own = np.setdiff1d(mine, found.place)
    rest = rows.take(np.flatnonzero(~np.isin(rows.group, [2, 4])))
    refitted = solve(row_terms(rest, amplitudes), amplitudes, rest.noise, rest.residual)

    def said(place):
        _, k = combine(cross_terms(rows.points.take(place), rest, amplitudes), amplitudes)
        return k, np.minimum(k @ refitted.alpha, rows.limit_of(rows.log_prior)[place])

    both = np.concatenate([found.place, own])
    k, mean = said(both)
    _, whole = combine(row_terms(rows.take(both), amplitudes), amplitudes)
    latent = whole - k @ refitted.precision @ k.T
    root = np.sqrt(SHARED) * size[both] / np.sqrt(latent.diagonal())
    shared = latent * np.outer(root, root)
    a, o = slice(0, len(found)), slice(len(found), None)
    error = rows.residual[own] - mean[o]
    clean = (NOISE_CLEAN * noise_share(rows.log_prior[own])) ** 2
    more = np.maximum(rows.noise[own] - clean, 0.0)
    about = heavy_tailed(shared[o, o], 0.2 * size[own] ** 2 + more, error)
    gain = shared[a, o] @ np.linalg.inv(shared[o, o] + np.diag(about))
    np.testing.assert_allclose(found.plain, mean[a], atol=1e-9)
    limit = np.maximum(mean[a], rows.limit_of(rows.log_prior)[found.place])
    np.testing.assert_allclose(found.mean, np.minimum(mean[a] + gain @ error, limit), atol=1e-9)
    scattered = 0.2 * size[found.place] ** 2
    after = (shared[a, a] - gain @ shared[o, a]).diagonal() + scattered
    expected = np.sqrt(after / (shared[a, a].diagonal() + scattered))
    np.testing.assert_allclose(found.narrowed, expected, rtol=1e-6)


def test_intervals_with_own_rows_keep_their_promise_on_a_law(predictor):
    fresh, codes = law_rows(seed=1, sources=12)
    inside, narrower, errors = [], [], []
    for source in range(12):
        mine = [r for r, c in zip(fresh, codes, strict=True) if c == source]
        own = [Observation(r.scenario, r.retained, r.spread, r.repeats) for r in mine[::3]]
        rest = [r for i, r in enumerate(mine) if i % 3]
        plain = predictor.predict([r.scenario for r in rest])
        told = predictor.predict([r.scenario for r in rest], observations=own)
        for row, a, b in zip(rest, plain, told, strict=True):
            inside.append(b.interval[0] <= row.retained <= b.interval[1])
            narrower.append(np.ptp(np.log(b.interval)) / np.ptp(np.log(a.interval)))
            errors.append([abs(np.log(p.retained / row.retained)) for p in (a, b)])
    # Few sources teach wide intervals: they may keep more than they promise, not less.
    assert np.mean(inside) >= 0.88
    assert np.median(narrower) < 0.99
    without, with_own = np.mean(errors, axis=0)
    assert with_own < 0.9 * without


def test_a_row_of_the_very_same_scenario_narrows_the_most(predictor):
    [plain] = predictor.predict(ASKED[:1])
    widths = []
    for near in (ASKED[0], replace(ASKED[0], workload="database.kv")):
        own = [Observation(near, plain.retained, spread=0.01, repeats=10)]
        [p] = predictor.predict(ASKED[:1], observations=own)
        widths.append(np.ptp(np.log(p.interval)))
    assert widths[0] < 0.8 * np.ptp(np.log(plain.interval))
    assert widths[0] < widths[1]


def test_repeats_that_agree_are_believed_however_far_off_they_are(predictor):
    [plain] = predictor.predict(ASKED[:1])
    mine = [Observation(ASKED[0], plain.retained * 0.2, spread=0.01, repeats=5)] * 3
    [own] = predictor.predict(ASKED[:1], observations=mine)
    assert own.retained == pytest.approx(plain.retained * 0.2, rel=0.3)


def test_an_interval_is_never_wider_for_own_rows_that_say_little():
    encoding, prior = encode(ASKED)
    features = scale_features(encoding, prior.log_retained, np.full(2, 0.2), prior.host_spread)
    plain = Calibration(np.zeros(features.shape[1]), np.array([-1.0, 1.0]), np.array([0.1, 0.9]), 9)
    narrowing = Narrowing(0.1, 0.5, 1.3)
    expected = plain.scale(features)
    before = plain.bounds(expected, prior.log_retained, 0.9)
    little = narrowing.bounds(
        plain, plain.scale(features), prior.log_retained, 0.9, np.full(2, 0.97)
    )
    np.testing.assert_allclose(little.below, before.below)


def test_where_own_rows_leave_all_the_interval_is_the_plain_one():
    encoding, prior = encode(ASKED)
    features = scale_features(encoding, prior.log_retained, np.full(2, 0.2), prior.host_spread)
    scores, cumulative = np.linspace(-2, 2, 41), np.linspace(0.02, 0.98, 41)
    plain = Calibration(np.zeros(features.shape[1]), scores, cumulative, 0.5)
    narrowing = Narrowing(0.1, 0.5, 1.2)
    expected = plain.scale(features)
    before = plain.bounds(expected, prior.log_retained, 0.9)
    same = narrowing.bounds(plain, expected, prior.log_retained, 0.9, np.ones(2))
    half = narrowing.bounds(plain, expected, prior.log_retained, 0.9, np.full(2, 0.25))
    np.testing.assert_allclose(same.below, before.below)
    np.testing.assert_allclose(half.below, before.below * 0.25**0.5 * 1.2)


def test_sources_too_small_to_draw_from_teach_no_narrowing(law):
    rows, _ = law
    amplitudes = Amplitudes()
    solution = solve(row_terms(rows, amplitudes), amplitudes, rows.noise, rows.residual)
    answer = LeaveOut(np.zeros(len(rows)), np.ones(len(rows)))
    few = np.zeros(len(rows), dtype=bool)
    few[:6] = True
    size = np.ones(len(rows))
    plain = Calibration(np.zeros(3), np.array([-1.0, 1.0]), np.array([0.1, 0.9]), 0.0)
    found = learn_narrowing(
        rows,
        size,
        plain,
        lambda count, scatter: own_answers(
            rows, solution.precision, answer, few, count, size, scatter=scatter
        ),
    )
    assert found == Narrowing(SCATTERS[0], 0.0, 1.0)


def test_a_stored_predictor_narrows_alike(predictor, tmp_path):
    save_predictor(predictor, tmp_path)
    told = [p.predict(ASKED, observations=MINE) for p in (predictor, load_predictor(tmp_path))]
    assert [p.as_dict() for p in told[0]] == [p.as_dict() for p in told[1]]
