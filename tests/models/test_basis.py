"""The basis model against the exact one, and its sums under any order of adding them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import ModelUnavailable
from features.scenario import Scenario
from models.basis import choose_basis
from models.basis_fitting import basis_predictor, fit_sample, log_priors_of, make_scheme
from models.conditioning import Observation
from models.fitting import fit_predictor
from models.gaussian import cross_terms, row_terms
from models.kernel import Amplitudes, combine
from models.persistence import load_predictor, save_predictor
from models.rows import make_rows
from models.statistics import Statistics, solve_all, statistics_of

from .conftest import Row, law_rows

HOST = {"cores": 8, "memory_gb": 32, "network_gbps": 10, "storage_iops": 200_000}
FOLDS = 14


@pytest.fixture(scope="module")
def rows():
    """Rows of the law, two of them measured against another runtime than bare metal."""
    made, codes = law_rows()
    held = [
        Row(Scenario("gvisor", "web.static", cores=4.0), 0.7, Scenario("container", "web.static")),
        Row(Scenario("vm", "cpu.int", **HOST), 0.9, Scenario("container", "cpu.int", **HOST)),
    ]
    return make_rows([*made, *held], [*codes, 0, 1], [*codes, 0, 1])


def sums_of(basis, rows):
    return statistics_of(basis, rows, np.repeat(rows.residual[:, None], FOLDS + 1, axis=1), FOLDS)


def test_with_a_centre_at_every_point_it_is_the_exact_process(rows):
    amplitudes = Amplitudes()
    basis = choose_basis(rows, amplitudes, centres=len(rows) + 2, local=len(rows))
    every, _ = solve_all(sums_of(basis, rows))
    asked = replace(
        rows, baseline=rows.baseline[:0], baseline_points=rows.baseline_points.take(np.arange(0))
    )
    unseen = asked.points.take(np.arange(len(rows)))
    unseen.source[:] = -1
    general, _ = combine(cross_terms(unseen, rows, amplitudes), amplitudes)
    _, covariance = combine(row_terms(rows, amplitudes), amplitudes)
    covariance[np.diag_indices_from(covariance)] += rows.noise
    exact = general @ np.linalg.solve(covariance, rows.residual)
    explained = np.einsum("ij,ji->i", general, np.linalg.solve(covariance, general.T))
    features = basis.carried(asked)
    assert features @ every.mean == pytest.approx(exact, abs=1e-5)
    whole, _ = basis.variance_of(asked)
    assert every.variance(features) == pytest.approx(whole - explained, abs=1e-5)


def test_a_fold_left_out_is_a_fit_without_its_rows(rows):
    basis = choose_basis(rows, Amplitudes(), centres=32, local=4)
    _, left_out = solve_all(sums_of(basis, rows))
    rest = np.flatnonzero(rows.group != 3)
    every, _ = solve_all(sums_of(basis, rows.take(rest)))
    assert left_out[3].mean == pytest.approx(every.mean, abs=1e-9)
    assert left_out[3].precision == pytest.approx(every.precision, rel=1e-9, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), parts=st.integers(1, 12))
def test_sums_add_up_whatever_the_chunks_and_their_order(rows, seed, parts):
    basis = choose_basis(rows, Amplitudes(), centres=24, local=3)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(rows))
    cuts = np.sort(rng.integers(0, len(rows), parts - 1))
    sums = Statistics.none(basis, FOLDS)
    for index in np.split(shuffled, cuts):
        sums.add(sums_of(basis, rows.take(index)))
    found, _ = solve_all(sums)
    whole, _ = solve_all(sums_of(basis, rows))
    assert found.mean == pytest.approx(whole.mean, abs=1e-10)
    assert found.precision == pytest.approx(whole.precision, rel=1e-10, abs=1e-10)


def test_no_variance_is_negative_however_many_times_a_row_is_told(rows):
    basis = choose_basis(rows, Amplitudes(), centres=40, local=6)
    sums = sums_of(basis, rows)
    for _ in range(40):
        sums.add(Statistics.from_bytes(sums.to_bytes()))
    assert sums.rows == len(rows) * 2**40
    every, _ = solve_all(sums)
    left = every.variance(basis.carried(rows))
    whole, _ = basis.variance_of(rows)
    assert (left >= 0).all()
    assert (left <= whole * (1 + 1e-9)).all()
    gone = np.linalg.eigvalsh(every.explained())
    assert gone.min() >= -1e-12
    assert gone.max() <= 1 + 1e-12


def test_sums_are_kept_without_pickle_and_refused_when_damaged(rows):
    basis = choose_basis(rows, Amplitudes(), centres=24, local=3)
    sums = sums_of(basis, rows)
    data = sums.to_bytes()
    again = Statistics.from_bytes(data)
    assert solve_all(again)[0].mean == pytest.approx(solve_all(sums)[0].mean, abs=0)
    assert {s: (o.fold, o.rows) for s, o in again.sources.items()} == {
        s: (o.fold, o.rows) for s, o in sums.sources.items()
    }
    for broken in (data[: len(data) // 2], b"", b"PK\x03\x04" + data[4:200]):
        with pytest.raises(ModelUnavailable, match="sums over rows are damaged"):
            Statistics.from_bytes(broken)


def test_sums_of_another_basis_or_fold_are_not_added(rows):
    small = sums_of(choose_basis(rows, Amplitudes(), centres=8, local=3), rows)
    large = sums_of(choose_basis(rows, Amplitudes(), centres=24, local=3), rows)
    with pytest.raises(ValueError, match="another basis"):
        small.add(large)
    moved = statistics_of(
        choose_basis(rows, Amplitudes(), centres=24, local=3),
        replace(rows, group=(rows.group + 1) % FOLDS),
        np.repeat(rows.residual[:, None], FOLDS + 1, axis=1),
        FOLDS,
    )
    with pytest.raises(ValueError, match="one fold here and in another there"):
        large.add(moved)


@pytest.fixture(scope="module")
def both(law):
    """The exact predictor of the law, the basis predictor of the same rows, and the leave-out
    answers of both, the basis's first."""
    rows, records = law
    flags = np.ones(len(rows), dtype=bool)
    exact = fit_predictor(rows, records, flags, version="3", trained_at="2026-01-01T00:00:00+00:00")
    sample, alone = fit_sample(rows, records, rows.group, flags, None)
    scheme = make_scheme(sample, FOLDS)
    log_priors = log_priors_of(scheme, sample)
    sums = scheme.sums(rows, rows.group, log_priors)
    made, answer = basis_predictor(
        scheme,
        sums,
        sample,
        log_priors,
        known=exact.known,
        mechanisms=exact.mechanisms,
        version="4",
        trained_at="2026-01-01T00:00:00+00:00",
    )
    return exact, made, answer, alone


ASKED = [Scenario(r, w, **HOST) for r in ("gvisor", "vm") for w in ("web.static", "cpu.fp")]


def test_the_predictor_of_a_basis_answers_as_the_exact_one(both):
    exact, made, *_ = both
    assert made.use_residual
    mine = [Observation(Scenario("gvisor", "database.kv", **HOST), 0.5, spread=0.05, repeats=3)]
    for own in ([], mine):
        pairs = zip(
            exact.predict(ASKED, observations=own),
            made.predict(ASKED, observations=own),
            strict=True,
        )
        for a, b in pairs:
            assert b.retained == pytest.approx(a.retained, rel=1e-3)
            assert b.interval == pytest.approx(a.interval, rel=0.02)
            assert b.novelty.score == pytest.approx(a.novelty.score, rel=0.02)
            assert b.novelty.extrapolating == a.novelty.extrapolating
            assert b.evidence[0].scenario["runtime"] == b.scenario.runtime


def test_without_the_centre_told_first_the_answer_is_what_it_says(both):
    _, made, *_ = both
    [p] = made.predict(ASKED[:1])
    first = p.evidence[0]
    told = [r.citation == first.citation and r.scenario == first.scenario for r in made.records]
    [i] = np.flatnonzero(told)
    rest = np.delete(np.arange(len(made.rows)), i)
    share = made.precision[rest, i] / made.precision[i, i]
    less = replace(
        made,
        rows=made.rows.take(rest),
        records=tuple(made.records[j] for j in rest),
        precision=made.precision[np.ix_(rest, rest)] - np.outer(share, made.precision[i, rest]),
        alpha=made.alpha[rest] - share * made.alpha[i],
    )
    [without] = less.predict(ASKED[:1])
    assert first.without == pytest.approx(without.retained, rel=1e-6)
    assert abs(np.log(first.without / p.retained)) > 1e-3


def test_leave_out_answers_are_those_of_the_exact_model(both):
    _, _, answer, alone = both
    assert answer.mean == pytest.approx(alone.mean, abs=2e-3)
    assert answer.variance == pytest.approx(alone.variance, rel=0.02)


def test_it_is_kept_and_read_as_any_predictor(both, tmp_path):
    _, made, *_ = both
    save_predictor(made, tmp_path)
    again = load_predictor(tmp_path)
    assert again.known == made.known
    assert again.version == "4"
    for a, b in zip(made.predict(ASKED), again.predict(ASKED), strict=True):
        assert b.retained == a.retained
        assert b.interval == a.interval
