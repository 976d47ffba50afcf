"""Measures by group, the worst of them, and whether novelty means what it says."""

from __future__ import annotations

import numpy as np
import pytest

from models.calibration import Bounds
from training.breakdown import breakdown, deciles, flagged, worst_coverage
from training.evaluation import CHAMPION, evaluate_prior, evaluate_residual, tabulate
from training.metrics import LEVELS, Outcome
from training.teach import answers_of

from .law import LAW, corpus_of, law_measurements


def outcome(error, half=0.2):
    n = len(error)
    ends = {v: Bounds(np.full(n, v * half), np.full(n, v * half)) for v in LEVELS}
    ends[0.9] = Bounds(np.full(n, half), np.full(n, half))
    return Outcome("m", np.asarray(error), ends)


def test_each_kind_has_its_own_means():
    got = breakdown(
        outcome([0.1, -0.3, 0.5]), {"runtime": ["vm", "vm", "wasm"], "source": list("aba")}
    )
    assert set(got) == {"runtime", "source"}
    assert got["runtime"]["vm"]["rows"] == 2
    assert got["runtime"]["vm"]["error"] == pytest.approx(0.2)
    assert got["runtime"]["vm"]["coverage"] == pytest.approx(0.5)
    assert got["runtime"]["wasm"]["interval_score"] == pytest.approx(0.4 + 20 * 0.3)
    assert got["source"]["a"]["width"] == pytest.approx(0.4)
    assert got["source"]["b"]["crps"] > 0


def test_a_model_without_intervals_has_errors_alone():
    got = breakdown(Outcome("m", np.array([0.5, 1.5]), {}), {"runtime": ["vm", "vm"]})
    assert got == {"runtime": {"vm": {"rows": 2, "error": 1.0}}}


def test_deciles_are_even_and_keep_like_values_together():
    found = deciles(np.random.default_rng(0).permutation(np.linspace(0, 1, 200)))
    assert {name: found.count(name) for name in set(found)} == {
        f"d{k:02d}": 20 for k in range(1, 11)
    }
    tied = deciles(np.array([0.0] * 30 + [0.5] * 10))
    assert len(set(tied[:30])) == 1
    assert set(tied[30:]) == {"d10"} or min(tied[30:]) > max(tied[:30])


def test_a_runtime_of_few_rows_is_not_the_worst_and_sources_are_counted_in_tenths():
    error = [0.0] * 18 + [1.0] * 2 + [1.0] * 3
    runtimes = ["vm"] * 20 + ["wasm"] * 3
    sources = [f"s{i:02d}" for i in range(20)] + ["s00", "s01", "s02"]
    got = worst_coverage(outcome(error), sources, runtimes)
    assert got["coverage_worst_runtime"] == pytest.approx(0.9)
    # Of 20 sources the worst two: s18 and s19, covered nowhere.
    assert got["coverage_worst_sources"] == 0.0
    assert worst_coverage(Outcome("m", np.array(error), {}), sources, runtimes) == {}


def test_what_is_flagged_as_novel_has_the_larger_errors_under_a_known_law():
    """Two sources measured a runtime that no other has: nothing carries over to it."""
    laws = {12: {**LAW, "wasm": -1.5}, 13: {**LAW, "sgx": -1.5}}
    corpus = corpus_of(law_measurements(laws=laws))
    found = evaluate_residual(corpus, answers_of(corpus))
    unseen = np.isin([m.scenario.runtime for m in corpus.measurements], ("wasm", "sgx"))
    assert found.novelty[unseen].min() > np.quantile(found.novelty[~unseen], 0.9)
    got = flagged(found, found.novelty)
    assert got["error_flagged"] > 2 * got["error_rest"]
    assert got["novelty_rank_correlation"] > 0.1
    table = tabulate(corpus, [found, evaluate_prior(corpus)]).table[CHAMPION]
    decile = table["by"]["novelty_decile"]
    assert decile["d10"]["error"] == max(cell["error"] for cell in decile.values())


def test_flagging_needs_a_difference():
    assert flagged(outcome([0.1, 0.2]), np.zeros(2)) == {}


def test_coverage_holds_under_a_known_law_overall_and_by_runtime():
    corpus = corpus_of(law_measurements(seed=5, sources=20))
    found = tabulate(corpus, [evaluate_residual(corpus, answers_of(corpus))]).table[CHAMPION]
    assert 0.85 <= found["coverage"] <= 0.97
    assert found["coverage_worst_runtime"] >= 0.8
    assert found["crps"] < found["error_by_row"]
