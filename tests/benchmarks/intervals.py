"""Our intervals beside those of other methods, on the same rows and by leave-one-source-out.

    uv run --group bench python -m tests.benchmarks.intervals [--jobs 2] [--json]

For each source, every method is fitted to all others and asked for intervals at training.metrics'
LEVELS. MAPIE's methods stand on our own Gaussian process with fixed amplitudes, so that little but
the intervals differs:

- cross-conformal: five folds by whole sources (MAPIE's `groups` with GroupKFold), method "plus";
- jackknife+: one fold a source (LeaveOneGroupOut), method "plus";
- cross-conformal, rows: five folds of rows, as MAPIE does unless told of groups;
- quantile boosting: gradient boosting of each quantile of the prior's residual.

A row measured against another runtime is taught and judged here as if that runtime kept what the
prior says of it; nested choices, moved constants, noise by row and synthetic rows are the
champion's alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut

from features.encoder import PARTS_FROM, encoded_log_prior
from models.calibration import Bounds
from models.estimator import ResidualRegressor
from models.rivals import raw_features
from training.breakdown import worst_coverage
from training.corpus import Corpus, load_corpus
from training.evaluation import evaluate_prior, evaluate_residual
from training.metrics import LEVELS, Outcome, measures
from training.teach import answers_of

Array = NDArray[np.float64]
# Training encoding, target and group, and the encoding asked for: the prediction (m,) and its
# lower and upper ends (m, levels).
Method = Callable[[Array, Array, NDArray, Array], tuple[Array, Array, Array]]

FOLDS = 5
SHOWN = ("coverage", "width", "interval_score", "crps")
WORST = ("coverage_worst_runtime", "coverage_worst_sources")


class SourcedProcess(RegressorMixin, BaseEstimator):
    """The residual process on an encoding whose last column is the source's code."""

    def fit(self, X: Array, y: Array) -> SourcedProcess:
        self.model_ = ResidualRegressor().fit(X[:, :-1], y, groups=X[:, -1].astype(int))
        return self

    def predict(self, X: Array) -> Array:
        mean = self.model_.predict(X[:, :-1])
        assert isinstance(mean, np.ndarray)
        return mean


def mapie_method(splitter: Callable[[], Any], *, grouped: bool = True) -> Method:
    """MAPIE's cross-conformal intervals ("plus") under a splitter that takes groups or does not."""

    def fitted(x: Array, y: Array, group: NDArray, asked: Array) -> tuple[Array, Array, Array]:
        from mapie.regression import CrossConformalRegressor

        model = CrossConformalRegressor(
            estimator=SourcedProcess(), confidence_level=list(LEVELS), method="plus", cv=splitter()
        )
        model.fit_conformalize(np.column_stack([x, group]), y, groups=group if grouped else None)
        centre, ends = model.predict_interval(np.column_stack([asked, np.full(len(asked), -1)]))
        return centre, ends[:, 0, :], ends[:, 1, :]

    return fitted


def quantile_boosting(
    x: Array,
    y: Array,
    group: NDArray,  # noqa: ARG001
    asked: Array,
) -> tuple[Array, Array, Array]:
    """Boosted quantiles of the prior's residual, put in order where they cross."""
    shares = sorted({0.5, *((1 - v) / 2 for v in LEVELS), *((1 + v) / 2 for v in LEVELS)})
    residual = y - encoded_log_prior(x)
    found = np.sort(
        [
            HistGradientBoostingRegressor(
                loss="quantile",
                quantile=share,
                max_iter=60,
                learning_rate=0.08,
                min_samples_leaf=8,
                random_state=0,
            )
            .fit(_features(x), residual)
            .predict(_features(asked))
            for share in shares
        ],
        axis=0,
    ) + encoded_log_prior(asked)
    half = len(LEVELS)
    # Shares are symmetric about the median, widest level outermost.
    lower, upper = found[:half][::-1].T, found[half + 1 :].T
    return found[half], lower, upper


def _features(encoding: Array) -> Array:
    return np.hstack([raw_features(encoding), encoding[:, PARTS_FROM:]])


METHODS: dict[str, Method] = {
    "cross-conformal": mapie_method(lambda: GroupKFold(FOLDS)),
    "jackknife+": mapie_method(LeaveOneGroupOut),
    "cross-conformal, rows": mapie_method(
        lambda: KFold(FOLDS, shuffle=True, random_state=0), grouped=False
    ),
    "quantile boosting": quantile_boosting,
}


def outcome_of(corpus: Corpus, name: str, method: Method, *, jobs: int = 1) -> Outcome:
    """A method's errors and intervals on each scored source, fitted to all others."""
    rows = corpus.rows.take(np.flatnonzero(corpus.scored))
    base = np.zeros(len(rows))
    base[rows.baseline] = encoded_log_prior(rows.baseline_points.encoding)
    encoding, target = rows.points.encoding, rows.log_retained + base
    groups = np.unique(rows.group)
    found = Parallel(n_jobs=jobs)(
        delayed(method)(
            encoding[rows.group != g],
            target[rows.group != g],
            rows.group[rows.group != g],
            encoding[rows.group == g],
        )
        for g in groups
    )
    error = np.empty(len(rows))
    ends = np.empty((2, len(rows), len(LEVELS)))
    for g, (centre, lower, upper) in zip(groups, found, strict=True):
        mine = rows.group == g
        error[mine] = target[mine] - centre
        ends[0, mine], ends[1, mine] = centre[:, None] - lower, upper - centre[:, None]
    return Outcome(
        name, error, {v: Bounds(ends[0, :, i], ends[1, :, i]) for i, v in enumerate(LEVELS)}
    )


def compare(corpus: Corpus, methods: Sequence[str], *, jobs: int = 1) -> dict[str, Any]:
    """Coverage, width, interval score and CRPS of the champion, the prior and the methods."""
    places = np.flatnonzero(corpus.scored)
    groups = [corpus.groups[i] for i in places]
    runtimes = [corpus.measurements[i].scenario.runtime for i in places]
    runs: list[Callable[[], Outcome]] = [
        lambda: evaluate_residual(corpus, answers_of(corpus)),
        lambda: evaluate_prior(corpus),
        *(partial(outcome_of, corpus, name, METHODS[name], jobs=jobs) for name in methods),
    ]
    table = {}
    for run in runs:
        start = time.perf_counter()
        outcome = run()
        found = {
            **measures(outcome, groups, runtimes),
            **worst_coverage(outcome, groups, runtimes),
        }
        table[outcome.name] = {k: found[k] for k in ("error_by_row", *SHOWN, *WORST) if k in found}
        table[outcome.name]["seconds"] = round(time.perf_counter() - start, 1)
        print(f"{outcome.name}: {table[outcome.name]['seconds']} s", file=sys.stderr, flush=True)
    return {"digest": corpus.digests["measured"], "rows": len(places), "methods": table}


def report(document: dict[str, Any]) -> str:
    """The comparison as a table, the champion first."""
    lines = [
        f"90 % intervals, leave-one-source-out, {document['rows']} rows "
        f"({document['digest'][:12]}); widths and scores in log retained",
        f"{'':22}{'covers':>8}{'runtime':>9}{'sources':>9}{'width':>7}{'score':>7}{'CRPS':>7}"
        f"{'seconds':>9}",
    ]
    for name, m in document["methods"].items():
        lines.append(
            f"{name:22}{m['coverage']:8.3f}{m.get(WORST[0], float('nan')):9.3f}{m[WORST[1]]:9.3f}"
            f"{m['width']:7.2f}{m['interval_score']:7.2f}{m['crps']:7.3f}{m['seconds']:9.1f}"
        )
    lines.append("runtime, sources: coverage of the worst runtime and the worst tenth of sources")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; 2 and one line without MAPIE."""
    parser = argparse.ArgumentParser(prog="intervals", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", choices=tuple(METHODS), help="one of the methods")
    parser.add_argument("--json", action="store_true", help="one document on stdout")
    options = parser.parse_args(arguments)
    methods = [options.only] if options.only else list(METHODS)
    try:
        import mapie  # noqa: F401
    except ImportError:
        if methods != ["quantile boosting"]:
            print("intervals: MAPIE is missing; use uv run --group bench", file=sys.stderr)
            return 2
    document = compare(load_corpus(), methods, jobs=options.jobs)
    print(json.dumps(document, indent=1) if options.json else report(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())
