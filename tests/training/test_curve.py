"""The learning curve falls under a law that sources tell together, and holds each of them out."""

from __future__ import annotations

import numpy as np
import pytest

from training import plots
from training.curve import learning_curve, windows
from training.evaluation import evaluate_residual
from training.teach import answers_of

from .law import corpus_of, law_measurements


@pytest.mark.parametrize(("size", "count"), [(28, 2), (16, 2), (8, 4), (31, 2), (32, 1)])
def test_few_windows_hold_every_source_out(size, count):
    found = list(windows(np.arange(32), size))
    assert len(found) == count
    assert all(len(w) == size for w in found)
    assert set(np.concatenate(found)) == set(range(32))


def test_more_sources_teach_more_under_a_known_law():
    corpus = corpus_of(law_measurements(sources=16))
    whole = evaluate_residual(corpus, answers_of(corpus))
    curve = learning_curve(corpus, whole, sizes=(3, 8, 40), draws=2)
    assert [point["sources"] for point in curve] == [3, 8, 15]
    errors = [point["error_by_source"] for point in curve]
    assert errors[0] > errors[1] > errors[2] * 0.98
    assert errors[0] > 1.2 * errors[2]
    low, high = curve[0]["range"]
    assert low <= errors[0] <= high
    assert curve == learning_curve(corpus, whole, sizes=(3, 8, 40), draws=2)
    fig, ax = plots.figure()
    assert plots.learning(ax, curve, 0.3) is ax
