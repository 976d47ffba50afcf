"""What leave-out answers teach beside the mean: whether the residual is served at all, how wide an
interval must be, how far own rows narrow it, and from where on a scenario is called new."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.calibration import Calibration, calibrate, scale_features
from models.conditioning import Posterior
from models.kernel import Amplitudes, Points, self_variance
from models.narrowing import Narrowing, learn_narrowing, own_answers
from models.novelty import left_out_nearness, unknown_error, variance_left
from models.rows import Rows
from models.selection import LeaveOut, score

Array = NDArray[np.float64]

# Rows whose flag is set are measurements; only they are scored, chosen by, and calibrated on.
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """What a predictor has from the leave-out answers of its rows."""

    use_residual: bool
    calibration: Calibration
    narrowing: Narrowing
    novelty_threshold: float


def features_of(rows: Rows, answer: LeaveOut) -> Array:
    """The scale model's features of rows under a leave-out answer."""
    return scale_features(
        rows.points.encoding,
        rows.log_prior,
        answer.variance + rows.host_spread**2,
        rows.host_spread,
    )


def features_at(points: Points, host_spread: Array, found: Posterior) -> Array:
    """The scale model's features of points (m) that own rows have not moved."""
    return features_of_variance(points, host_spread, found.variance)


def features_of_variance(points: Points, host_spread: Array, variance: Array) -> Array:
    """The same of a posterior variance (m,)."""
    whole = variance + host_spread**2
    return scale_features(points.encoding, points.log_prior, whole, host_spread)


def prior_answer(rows: Rows) -> LeaveOut:
    """The prior alone as a leave-out answer: no residual, one variance for all."""
    return LeaveOut(np.zeros(len(rows)), np.full(len(rows), 0.25))


def judge(
    rows: Rows,
    answer: LeaveOut,
    amplitudes: Amplitudes,
    precision: Array,
    scored: Flags,
    measured: Flags,
) -> Judged:
    """Learn from leave-out answers of rows (n), which are relative to the reference's prior.

    precision: (n, n) of the rows under the kernel, which says how errors go together. The prior
    alone is served when the residual does not beat it.
    """
    residual_error = score(answer.error(rows)[scored], rows.group[scored])
    prior_error = score(rows.residual[scored], rows.group[scored])
    use_residual = residual_error < prior_error
    judged = answer if use_residual else LeaveOut(np.zeros(len(rows)), answer.variance)
    features = features_of(rows, judged)
    fitted = calibrate(
        features[scored],
        judged.error(rows)[scored],
        rows.group[scored],
        rows.log_retained[scored],
    )
    expected = fitted.scale(features)
    narrowing = learn_narrowing(
        rows,
        expected,
        fitted,
        lambda count, scatter: own_answers(
            rows, precision, judged, scored, count, expected, scatter=scatter
        ),
    )
    threshold = _novelty_threshold(rows, answer, amplitudes, expected, scored, measured)
    return Judged(use_residual, fitted, narrowing, threshold)


def _novelty_threshold(
    rows: Rows,
    answer: LeaveOut,
    amplitudes: Amplitudes,
    expected: Array,
    scored: Flags,
    measured: Flags,
) -> float:
    """The ninth decile of what is unknown of rows whose source was never seen, given the expected
    size of their errors (n,)."""
    general, _ = self_variance(rows.points.encoding, amplitudes)
    plain = scored.copy()
    plain[rows.baseline] = False
    plain &= general > 0
    if not plain.any():
        return 1.0
    near = left_out_nearness(rows, measured, amplitudes.mechanism_length)
    found = unknown_error(expected, variance_left(rows, answer, amplitudes), near)
    return max(float(np.quantile(found[plain], 0.9)), 1e-6)
