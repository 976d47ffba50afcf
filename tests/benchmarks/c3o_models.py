"""Three predictors of a job's run time: Ernest, gradient boosting, and the project's core idea,
an analytic prior with a Gaussian process on its log residual and conformal intervals."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, Kernel, WhiteKernel
from sklearn.model_selection import KFold

from tests.benchmarks.c3o_data import Configurations

Array = NDArray[np.float64]

# HDFS cuts a file into blocks of this size, and Spark makes a task of each.
BLOCK_MIB = 128.0
# With fewer rows a machine type has no coefficients of its own, only a factor.
FEWEST_ROWS = 12
# Folds that the intervals' scores come from.
FOLDS = 5
# No run is shorter, whatever a linear formula says.
SHORTEST_S = 1.0


def task_waves(data_mb: Array, slots: Array) -> Array:
    """Rounds in which `slots` run the input's tasks, one task a block: ceil(ceil(D / B) / slots).

    The time of a stage goes by whole rounds: 81 tasks on 80 slots take as long as 160.
    """
    return np.ceil(np.ceil(data_mb / BLOCK_MIB) / slots)


def features_of(rows: Configurations) -> Array:
    """Coordinates (n, 5 + p) in which run times are alike: logarithms of instances, waves, data,
    and a node's vCPUs and memory (a machine type is what it has); the job's parameters."""
    logs = [
        rows.instances,
        task_waves(rows.data_mb, rows.slots),
        rows.data_mb,
        rows.slots / rows.instances,
        rows.memory_mb / rows.instances,
    ]
    return np.hstack([np.log(np.stack(logs, axis=1)), rows.parameters])


def ernest_terms(rows: Configurations) -> Array:
    """1, data / instances, log(instances), instances: (n, 4). Venkataraman et al., "Ernest",
    NSDI 2016, section 3.2."""
    n = rows.instances
    return np.stack([np.ones(len(n)), rows.data_mb / n, np.log(n), n], axis=1)


def fit_ernest(rows: Configurations, *, relative: bool = False) -> Array:
    """Ernest's coefficients (4,), none negative: least squares of the error, or of its ratio to
    the run time."""
    terms = ernest_terms(rows)
    # A column's unit would else decide how exactly its coefficient is found.
    size = terms.max(axis=0)
    size[size == 0.0] = 1.0
    weight = 1.0 / rows.runtime_s if relative else np.ones(len(rows))
    found, _ = nnls(terms / size * weight[:, None], rows.runtime_s * weight)
    return found / size


class Ernest:
    """Ernest as published: one formula for all rows, parameters and machine types unknown to it."""

    def fit(self, rows: Configurations) -> Ernest:
        self.coefficients_ = fit_ernest(rows)
        return self

    def predict(self, rows: Configurations) -> Array:
        """Run time in s (n,)."""
        return np.maximum(ernest_terms(rows) @ self.coefficients_, SHORTEST_S)


class Boosting:
    """scikit-learn's gradient boosting as it comes, on the same features as the residual."""

    def fit(self, rows: Configurations) -> Boosting:
        self.model_ = GradientBoostingRegressor(random_state=0)
        self.model_.fit(features_of(rows), rows.runtime_s)
        return self

    def predict(self, rows: Configurations) -> Array:
        """Run time in s (n,)."""
        return self.model_.predict(features_of(rows))


class ErnestPrior:
    """Ernest's formula as a prior: fitted to relative errors, by machine type where it has rows,
    else that of all rows times the type's own factor, drawn towards 1."""

    def fit(self, rows: Configurations) -> ErnestPrior:
        self.pooled_ = fit_ernest(rows, relative=True)
        self.coefficients_: dict[str, Array] = {}
        whole = ernest_terms(rows) @ self.pooled_
        for machine in np.unique(rows.machine):
            mine = rows.machine == machine
            if mine.sum() >= FEWEST_ROWS:
                self.coefficients_[machine] = fit_ernest(rows.take(mine), relative=True)
                continue
            ratio = np.log(rows.runtime_s[mine] / np.maximum(whole[mine], SHORTEST_S))
            factor = np.exp(ratio.sum() / (len(ratio) + 1.0))
            self.coefficients_[machine] = self.pooled_ * factor
        return self

    def predict_log(self, rows: Configurations) -> Array:
        """Log of the run time in s (n,)."""
        by_row = np.stack([self.coefficients_.get(m, self.pooled_) for m in rows.machine])
        return np.log(np.maximum((ernest_terms(rows) * by_row).sum(axis=1), SHORTEST_S))


# How far a logarithm of a hyperparameter strays from where it starts, one standard deviation.
# With a handful of rows the likelihood alone picks lengths at either end of their range.
_STRAY = 1.5


def _posterior_mode(
    objective: Callable[..., tuple[float, Array]], start: Array, bounds: Array
) -> tuple[Array, float]:
    """scikit-learn's optimiser argument: the likelihood times a log-normal prior about `start`."""

    def penalised(theta: Array) -> tuple[float, Array]:
        value, slope = objective(theta)
        apart = (theta - start) / _STRAY
        return value + 0.5 * float(apart @ apart), slope + apart / _STRAY

    found = minimize(penalised, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return found.x, float(found.fun)


def residual_kernel(size: int) -> Kernel:
    """A smooth RBF and a rougher, smaller one, a length for each of `size` features, and noise."""
    lengths = (0.05, 200.0)
    return (
        ConstantKernel(0.1, (1e-4, 100.0)) * RBF(np.full(size, 3.0), lengths)
        + ConstantKernel(0.01, (1e-6, 10.0)) * RBF(np.full(size, 1.0), lengths)
        + WhiteKernel(3e-4, (1e-7, 1.0))
    )


class PriorAndResidual:
    """Log run time = log prior + Gaussian process; intervals by cross-conformal scores.

    The scores come from folds in which prior and hyperparameters were fitted anew: leave-one-out
    in closed form keeps the hyperparameters of all rows and covers .75 to .85 where .90 is due.
    """

    def fit(self, rows: Configurations) -> PriorAndResidual:
        """Fit prior and residual; no interval before `conformalize`."""
        self.prior_ = ErnestPrior().fit(rows)
        features = features_of(rows)
        spread = features.std(axis=0)
        self.kept_ = spread > 1e-9
        self.centre_, self.spread_ = features[:, self.kept_].mean(axis=0), spread[self.kept_]
        # The variance of a median of five is about pi / 2 times that of their mean.
        noise = 0.5 * np.pi * rows.spread**2 / 5.0
        self.process_ = GaussianProcessRegressor(
            residual_kernel(int(self.kept_.sum())),
            alpha=noise + 1e-8,
            optimizer=_posterior_mode,
        )
        with warnings.catch_warnings():
            # A length at the end of its range says that a feature plays no part: no news.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.process_.fit(
                self._inputs(rows), np.log(rows.runtime_s) - self.prior_.predict_log(rows)
            )
        return self

    def conformalize(self, rows: Configurations, *, seed: int = 0) -> PriorAndResidual:
        """Keep |error| over its standard deviation of each training row, predicted from the other
        folds' rows, sorted (n,)."""
        scores = []
        folds = KFold(min(FOLDS, len(rows)), shuffle=True, random_state=seed)
        for known, held in folds.split(rows.runtime_s):
            apart, mine = PriorAndResidual().fit(rows.take(known)), rows.take(held)
            mean, deviation = apart.predict_log(mine)
            scores.append(np.abs(np.log(mine.runtime_s) - mean) / deviation)
        self.scores_ = np.sort(np.concatenate(scores))
        return self

    def _inputs(self, rows: Configurations) -> Array:
        return (features_of(rows)[:, self.kept_] - self.centre_) / self.spread_

    def predict_log(self, rows: Configurations) -> tuple[Array, Array]:
        """Mean and standard deviation of the log of the run time in s: (n,) each."""
        mean, deviation = self.process_.predict(self._inputs(rows), return_std=True)
        return self.prior_.predict_log(rows) + mean, deviation

    def predict(self, rows: Configurations) -> Array:
        """Run time in s (n,)."""
        return np.exp(self.predict_log(rows)[0])

    def interval(self, rows: Configurations, level: float = 0.9) -> tuple[Array, Array]:
        """Ends of the interval of `level`, in s: (n,) each.

        With fewer than level / (1 - level) training rows no finite interval keeps that level; the
        widest score then serves, which keeps n / (n + 1).
        """
        mean, deviation = self.predict_log(rows)
        place = min(int(np.ceil((len(self.scores_) + 1) * level)), len(self.scores_)) - 1
        reach = self.scores_[place] * deviation
        return np.exp(mean - reach), np.exp(mean + reach)
