"""What own rows are worth, on laws where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from models.rows import make_rows
from models.selection import CANDIDATES, leave_out_candidates
from tests.models.conftest import law_rows
from training.own_rows import own_row_measures

FIGURES = {"error_by_source", "error_by_row", "coverage", "width", "interval_score"}


def assessed(**law):
    plain, codes = law_rows(sources=10, **law)
    rows = make_rows(plain, codes, codes)
    candidates = leave_out_candidates(rows, CANDIDATES[:2])
    return rows, candidates, own_row_measures(rows, np.ones(len(rows), dtype=bool), candidates)


@pytest.fixture(scope="module")
def found():
    return assessed(noise=0.02)


def test_own_rows_tell_a_source_s_offset(found):
    _, _, measures = found
    told = measures["5"]
    assert set(told) >= FIGURES
    assert set(told["without"]) >= FIGURES
    assert told["sources"] == 10
    assert told["error_by_source"] < 0.8 * told["without"]["error_by_source"]
    assert told["width"] < told["without"]["width"]
    assert told["coverage"] >= 0.88


def test_a_source_without_enough_rows_is_not_asked(found):
    # Twelve rows each: ten own ones leave too few to be scored on.
    assert set(found[2]) == {"5"}


def test_the_same_rows_give_the_same_figures(found):
    rows, candidates, measures = found
    scored = np.ones(len(rows), dtype=bool)
    assert own_row_measures(rows, scored, candidates) == measures


def test_an_offset_that_a_source_s_rows_share_is_nearly_undone_by_five_of_them(found):
    rows, _, _ = found
    moved = rows.log_retained.copy()
    moved[rows.group == 3] += 0.5
    other = type(rows)(**{**vars(rows), "log_retained": moved})
    scored = np.ones(len(rows), dtype=bool)
    told = own_row_measures(other, scored, leave_out_candidates(other, CANDIDATES[:2]))["5"]
    assert told["without"]["error_by_source"] > told["error_by_source"] + 0.03
