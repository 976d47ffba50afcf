"""Simple models that the residual model has to beat, in scikit-learn's manners.

Each predicts log retained from the encoding (n, len(COLUMNS)); those that need the reference's
tables or the prior get them as arguments. A row measured against another runtime is a
difference: its target is reached by f(x) - f(baseline).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from features.encoder import PARTS_FROM, PARTS_TO, encoded_log_prior, names_of
from models.rows import Rows

Array = NDArray[np.float64]


def raw_features(encoding: Array) -> Array:
    """The encoding without the prior's parts: runtime and family as indicators, then numbers."""
    runtime = np.eye(len(names_of("runtime")))[encoding[:, 0].astype(int)]
    family = np.eye(len(names_of("family")))[encoding[:, 1].astype(int)]
    return np.hstack([runtime, family, encoding[:, 2:PARTS_FROM]])


class ConstantRegressor(RegressorMixin, BaseEstimator):
    """Everything keeps all of it: log retained 0."""

    def fit(self, X: Array, y: Array) -> ConstantRegressor:  # noqa: ARG002
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Array) -> Array:
        return np.zeros(len(X))


class RuntimeMeanRegressor(RegressorMixin, BaseEstimator):
    """The mean log retained of each runtime, all of them where a runtime was never seen."""

    def fit(self, X: Array, y: Array) -> RuntimeMeanRegressor:
        self.overall_ = float(y.mean())
        runtimes = X[:, 0].astype(int)
        self.means_ = np.full(len(names_of("runtime")), self.overall_)
        for code in np.unique(runtimes):
            self.means_[code] = y[runtimes == code].mean()
        return self

    def predict(self, X: Array) -> Array:
        return self.means_[X[:, 0].astype(int)]


class PriorRegressor(RegressorMixin, BaseEstimator):
    """The prior alone: the sum of the logarithms of its parts."""

    def fit(self, X: Array, y: Array) -> PriorRegressor:  # noqa: ARG002
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Array) -> Array:
        return encoded_log_prior(X)


class ReferenceTableRegressor(RegressorMixin, BaseEstimator):
    """The reference's printed cell for a runtime and workload; else the runtime's mean cell, else
    that of the parent it shares most with, else the mean of all."""

    def __init__(self, *, cells: Mapping[tuple[int, int], float], parents: Mapping[int, int]):
        self.cells = cells
        self.parents = parents

    def fit(self, X: Array, y: Array) -> ReferenceTableRegressor:  # noqa: ARG002
        by_runtime: dict[int, list[float]] = {}
        for (runtime, _), value in self.cells.items():
            by_runtime.setdefault(runtime, []).append(value)
        self.means_ = {k: float(np.mean(v)) for k, v in by_runtime.items()}
        self.overall_ = float(np.mean(list(self.cells.values())))
        return self

    def predict(self, X: Array) -> Array:
        return np.array([self._one(int(r), int(w)) for r, w in X[:, [0, 2]]])

    def _one(self, runtime: int, workload: int) -> float:
        while runtime > 0:
            if (runtime, workload) in self.cells:
                return self.cells[runtime, workload]
            if runtime in self.means_:
                return self.means_[runtime]
            runtime = self.parents.get(runtime, 0)
        return 0.0


class EncodedRegressor(RegressorMixin, BaseEstimator):
    """A scikit-learn regressor on raw features, of the whole or of the prior's residual."""

    def __init__(self, *, make: Callable[[], BaseEstimator], on_prior: bool = False):
        self.make = make
        self.on_prior = on_prior

    def fit(self, X: Array, y: Array) -> EncodedRegressor:
        target = y - encoded_log_prior(X) if self.on_prior else y
        features = self._features(X)
        self.model_ = self.make().fit(features, target)
        self.range_ = (float(target.min()), float(target.max()))
        return self

    def predict(self, X: Array) -> Array:
        # Inside the range it was taught: a polynomial has no bounds.
        held = np.clip(self.model_.predict(self._features(X)), *self.range_)
        return held + encoded_log_prior(X) if self.on_prior else held

    def _features(self, X: Array) -> Array:
        raw = raw_features(X)
        return np.hstack([raw, X[:, PARTS_FROM:PARTS_TO]]) if self.on_prior else raw


def _forest() -> BaseEstimator:
    return RandomForestRegressor(100, min_samples_leaf=2, max_features=0.4, random_state=0)


def _boosting() -> BaseEstimator:
    return HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=100, learning_rate=0.08, min_samples_leaf=8, random_state=0
    )


def _polynomial() -> BaseEstimator:
    return make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False, interaction_only=False),
        StandardScaler(),
        RidgeCV(np.logspace(2, 5, 4)),
    )


def rivals(
    cells: Mapping[tuple[int, int], float], parents: Mapping[int, int]
) -> dict[str, BaseEstimator]:
    """All rivals by name; `cells` are the reference's log retained by runtime and workload code."""
    return {
        "constant": ConstantRegressor(),
        "runtime-mean": RuntimeMeanRegressor(),
        "reference-table": ReferenceTableRegressor(cells=cells, parents=parents),
        "prior": PriorRegressor(),
        "polynomial": EncodedRegressor(make=_polynomial),
        "random-forest": EncodedRegressor(make=_forest),
        "gradient-boosting": EncodedRegressor(make=_boosting),
        "prior-and-boosting": EncodedRegressor(make=_boosting, on_prior=True),
        "prior-and-forest": EncodedRegressor(make=_forest, on_prior=True),
    }


def leave_one_out_errors(model: BaseEstimator, rows: Rows, scored: NDArray, group: int) -> Array:
    """Errors (m,) on one group's scored rows of a model fitted to all other groups' rows.

    A difference row is fitted where its baseline's own prediction is added to it, the baseline
    taken at the prior (the only thing known of it before fitting).
    """
    mine = np.flatnonzero((rows.group == group) & scored)
    others = np.flatnonzero(rows.group != group)
    base_prior = np.zeros(len(rows))
    base_prior[rows.baseline] = encoded_log_prior(rows.baseline_points.encoding)
    target = rows.log_retained + base_prior
    fitted = model.fit(rows.points.encoding[others], target[others])
    predicted = fitted.predict(rows.points.encoding[mine])
    place = {int(r): i for i, r in enumerate(rows.baseline)}
    held = [(i, place[int(r)]) for i, r in enumerate(mine) if int(r) in place]
    if held:
        at = np.array([i for i, _ in held])
        base = rows.baseline_points.encoding[np.array([b for _, b in held])]
        below = fitted.predict(base)
        below[base[:, 0] == 0] = 0.0
        predicted[at] -= below
    return rows.log_retained[mine] - predicted


def reference_cells(rows: Rows, flags: NDArray) -> dict[tuple[int, int], float]:
    """Mean log retained of the flagged (reference) rows by runtime and workload code."""
    found: dict[tuple[int, int], list[float]] = {}
    for encoding, value in zip(rows.points.encoding[flags], rows.log_retained[flags], strict=True):
        found.setdefault((int(encoding[0]), int(encoding[2])), []).append(float(value))
    return {k: float(np.mean(v)) for k, v in found.items()}
