"""The reference's overall score: an arithmetic mean of what the resources keep."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def weighted_score(weights: ArrayLike, retained: ArrayLike) -> NDArray[np.float64]:
    """P = sum of w_i P_i with points of 0 to 100: (..., r) weights and retained give (...).

    F15, reference 6.1. Erratum E5: its web weights and the scores 92, 87, 85, 80 give 87.0, not
    the 86 printed. Times add up, so a program keeps less than this says where resources differ.
    """
    return 100.0 * np.sum(np.asarray(weights) * np.asarray(retained), axis=-1)
