"""The reference's weighted score, by its own example."""

from __future__ import annotations

import numpy as np
import pytest

from features.score import weighted_score


def test_the_web_score_of_a_vm_is_87_as_its_own_figures_give():
    weights, points = [0.3, 0.2, 0.4, 0.1], [0.92, 0.87, 0.85, 0.80]
    assert weighted_score(weights, points) == pytest.approx(87.0)


def test_rows_are_scored_apart_and_nothing_lost_is_a_hundred():
    found = weighted_score([[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.2], [1.0, 0.2]])
    np.testing.assert_allclose(found, [100.0, 60.0])
