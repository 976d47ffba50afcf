"""The residual model as a scikit-learn regressor: what is tracked, compared and handed on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from features.encoder import COLUMNS, encoded_base, encoded_log_prior
from models.gaussian import cross_terms, row_terms
from models.kernel import Amplitudes, Points, combine, self_variance
from models.predictor import Predictor
from models.rows import NOISE_CLEAN, Rows, noise_share, residual_limit
from models.solving import solve

Array = NDArray[np.float64]


class ResidualRegressor(RegressorMixin, BaseEstimator):
    """Prior plus additive RBF Gaussian process on the residual of log retained.

    X is the encoding (n, len(features.encoder.COLUMNS)); it holds the prior's parts, so that
    predict gives log retained itself. `amplitudes` is models.kernel.Amplitudes.as_dict().
    """

    def __init__(self, *, amplitudes: dict | None = None):
        self.amplitudes = amplitudes

    def fit(self, X: Array, y: Array, groups: NDArray | None = None) -> ResidualRegressor:
        """Learn the log residual of rows (n,) measured against bare metal.

        `groups` are source codes (n,); each row is a source of its own without them.
        """
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        if X.shape[1] != len(COLUMNS):
            raise ValueError(f"X has {X.shape[1]} columns; the encoding has {len(COLUMNS)}")
        source = np.arange(len(X)) if groups is None else np.asarray(groups, dtype=np.int64)
        points = Points(X, source, np.zeros(len(X), dtype=np.int64))
        none = np.zeros(0, dtype=np.int64)
        rows = Rows(
            points,
            none,
            points.take(none),
            y,
            encoded_base(X),
            np.zeros(len(X)),
            np.full(len(X), NOISE_CLEAN**2),
            source,
        )
        chosen = self._amplitudes()
        solution = solve(row_terms(rows, chosen), chosen, rows.noise, rows.residual)
        return self._learned(rows, solution.precision, solution.alpha)

    @classmethod
    def from_predictor(cls, predictor: Predictor) -> ResidualRegressor:
        """The regressor inside a predictor, differences and noise included."""
        model = cls(amplitudes=predictor.amplitudes.as_dict())
        alpha = predictor.alpha if predictor.use_residual else np.zeros_like(predictor.alpha)
        return model._learned(predictor.rows, predictor.precision, alpha)

    def predict(self, X: Array, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Log retained (n,) and, when asked, the standard deviation of a new source's."""
        check_is_fitted(self)
        X = np.asarray(X, dtype=float)
        chosen = self._amplitudes()
        nowhere = np.full(len(X), -1)
        general, _ = combine(cross_terms(Points(X, nowhere, nowhere), self._rows(), chosen), chosen)
        log_prior = encoded_base(X)
        mean = log_prior + np.minimum(general @ self.alpha_, residual_limit(log_prior))
        if not return_std:
            return mean
        carried, whole = self_variance(X, chosen)
        seen = np.einsum("ij,ij->i", general @ self.precision_, general)
        noise = NOISE_CLEAN * noise_share(encoded_log_prior(X))
        return mean, np.sqrt(np.clip(carried - seen, 0.0, None) + whole - carried + noise**2)

    def _amplitudes(self) -> Amplitudes:
        return Amplitudes.from_dict(self.amplitudes) if self.amplitudes else Amplitudes()

    def _learned(self, rows: Rows, precision: Array, alpha: Array) -> ResidualRegressor:
        self.n_features_in_ = rows.points.encoding.shape[1]
        self.encoding_ = rows.points.encoding
        self.baseline_ = rows.baseline
        self.baseline_encoding_ = rows.baseline_points.encoding
        self.precision_ = precision
        self.alpha_ = alpha
        return self

    def _rows(self) -> Rows:
        unseen = np.full(len(self.encoding_), -2)
        none = np.zeros(len(self.encoding_))
        return Rows(
            Points(self.encoding_, unseen, unseen),
            self.baseline_,
            Points(self.baseline_encoding_, unseen[self.baseline_], unseen[self.baseline_]),
            none,
            none,
            none,
            none,
            unseen,
        )
