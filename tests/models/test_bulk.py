"""Scores in columns are the numbers of the predictions, row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.columns import read_columns
from features.constants import adjustable
from features.scenario import Scenario
from models.bulk import Scorer
from models.fitting import fit_predictor
from models.kernel import Amplitudes
from tests.features.space import scenarios

FORMS = ("as fitted", "every term", "other constants", "prior alone")


@pytest.fixture(scope="module")
def predictors(law):
    rows, records = law
    made = fit_predictor(rows, records, np.ones(len(rows), dtype=bool), version="3", trained_at="")
    moved = dict.fromkeys(list(adjustable())[::3], 0.4)
    return {
        "as fitted": made,
        "every term": replace(made, amplitudes=Amplitudes()),
        "other constants": replace(made, positions=moved),
        "prior alone": replace(made, use_residual=False),
    }


def columns_of(asked):
    rows = [{**s.as_dict(), **s.mechanisms, **s.demands} for s in asked]
    keys = {key: None for row in rows for key in row if key not in ("mechanisms", "demands")}
    frame = {k: np.array([*(row.get(k) for row in rows), None], dtype=object)[:-1] for k in keys}
    found = read_columns(frame)
    assert not found.problems
    return found


@st.composite
def partly_known(draw):
    """A scenario of which some of the host may be unknown, and some demands the caller's own."""
    unknown = dict.fromkeys(draw(st.sets(st.sampled_from(["cores", "memory_gb", "storage_iops"]))))
    return replace(
        draw(scenarios()), **unknown, demands=draw(st.sampled_from([{}, {}, {"calls": 7.0}]))
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(partly_known(), min_size=1, max_size=8),
    st.sampled_from(FORMS),
    st.lists(st.sampled_from([0.6, 0.9, 0.99]), min_size=8, max_size=8),
)
def test_scores_are_the_predictions(predictors, asked, form, levels):
    predictor = predictors[form]
    levels = levels[: len(asked)]
    found = Scorer(predictor).score(columns_of(asked), np.array(levels))
    for i, (scenario, level) in enumerate(zip(asked, levels, strict=True)):
        [said] = predictor.predict([scenario], level=level)
        numbers = [found.retained[i], found.low[i], found.high[i]]
        assert numbers == pytest.approx([said.retained, *said.interval], rel=1e-9)
        assert found.novelty[i] == pytest.approx(said.novelty.score, rel=1e-9, abs=1e-9)
        assert bool(found.extrapolating[i]) == said.novelty.extrapolating


def test_blocks_do_not_show(predictors):
    asked = [_numbered(i) for i in range(1200)]
    columns = columns_of(asked)
    scorer = Scorer(predictors["every term"])
    whole, apart = scorer.score(columns), scorer.score(columns.take(np.arange(700, 1100)))
    for one, other in zip(whole, apart, strict=True):
        np.testing.assert_allclose(one[700:1100], other, rtol=1e-9)


def test_of_no_rows_there_are_no_scores(predictors):
    scorer = Scorer(predictors["as fitted"])
    none = scorer.score(columns_of([_numbered(1)]).take(np.zeros(0, dtype=np.int64)))
    assert [len(each) for each in none] == [0] * 5
    with pytest.raises(ValueError, match="between 0 and 1"):
        scorer.score(columns_of([_numbered(1)]), 1.0)


def _numbered(i):
    runtime = ("vm", "gvisor", "native", "container")[i % 4]
    return Scenario(runtime, ("web", "hpc", "cpu.int")[i % 3], cores=1.0 + i % 60, memory_gb=None)
