"""The comparison of intervals is fair: whole sources left out, ends in order, levels that nest."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tests.benchmarks import intervals
from tests.training.law import corpus_of, law_measurements
from training.metrics import LEVELS


# Threads of small trees wait for one another more than they work, most of all beside other work.
@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


HAS_MAPIE = importlib.util.find_spec("mapie") is not None


@pytest.fixture(scope="module")
def law():
    return corpus_of(law_measurements(sources=6))


def test_boosted_quantiles_nest_and_hold_the_middle(law):
    x, group = law.rows.points.encoding, law.rows.group
    mine = group == 0
    centre, lower, upper = intervals.quantile_boosting(
        x[~mine], law.rows.log_retained[~mine], group[~mine], x[mine]
    )
    assert lower.shape == upper.shape == (mine.sum(), len(LEVELS))
    assert np.all(np.diff(lower, axis=1) <= 0)
    assert np.all(np.diff(upper, axis=1) >= 0)
    assert np.all((lower <= centre[:, None]) & (centre[:, None] <= upper))


def test_a_method_never_sees_the_source_it_is_judged_on(law):
    told = []

    def method(x, y, group, asked):  # noqa: ARG001
        told.append((set(group), len(asked)))
        centre = np.zeros(len(asked))
        ends = np.ones((len(asked), len(LEVELS)))
        return centre, -ends, ends

    found = intervals.outcome_of(law, "m", method)
    assert [len(groups) for groups, _ in told] == [5] * 6
    assert sum(n for _, n in told) == len(law.rows)
    np.testing.assert_allclose(found.error, law.rows.log_retained)
    np.testing.assert_allclose(found.bounds[0.9].below, 1.0)


@pytest.mark.skipif(not HAS_MAPIE, reason="MAPIE is in the group bench alone")
@pytest.mark.parametrize("name", ["cross-conformal", "jackknife+", "cross-conformal, rows"])
def test_mapie_covers_a_known_law(law, name):
    found = intervals.outcome_of(law, name, intervals.METHODS[name])
    assert found.bounds[0.9].holds(found.error).mean() > 0.8
    assert np.all(found.bounds[0.95].below >= found.bounds[0.5].below)


@pytest.mark.skipif(HAS_MAPIE, reason="only where MAPIE is missing")
def test_without_mapie_the_command_says_what_to_do(capsys):
    assert intervals.main([]) == 2
    assert "--group bench" in capsys.readouterr().err


def test_the_command_prints_one_document(law, monkeypatch, capsys):
    monkeypatch.setattr(intervals, "load_corpus", lambda: law)
    assert intervals.main(["--only", "quantile boosting", "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["methods"]) == {"champion", "prior", "quantile boosting"}
    assert set(document["methods"]["champion"]) >= {"coverage", "width", "interval_score", "crps"}
    assert "quantile boosting" in intervals.report(document)
