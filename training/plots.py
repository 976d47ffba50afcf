"""Pictures of an evaluation. Each takes `ax` and returns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.metrics import LEVEL, Outcome, mean_by

Array = NDArray[np.float64]


def figure(size: tuple[float, float] = (6.0, 5.0)) -> tuple[Any, Any]:
    """A figure with one axis, drawn without a display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    fig = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(fig)
    return fig, fig.add_subplot()


def parity(ax: Any, observed: Array, error: Array) -> Any:
    """Predicted against measured retained, each predicted without its source."""
    ax.loglog(np.exp(observed), np.exp(observed - error), ".", alpha=0.4)
    ends = [0.005, 2.0]
    ax.loglog(ends, ends, "k-", linewidth=0.8)
    ax.set(xlabel="measured retained", ylabel="predicted retained", xlim=ends, ylim=ends)
    ax.set_title("parity, leave-one-source-out")
    return ax


def calibration(ax: Any, outcome: Outcome) -> Any:
    """Covered share against promised level."""
    levels = sorted(outcome.bounds)
    covered = [float(outcome.bounds[v].holds(outcome.error).mean()) for v in levels]
    ax.plot([0, 1], [0, 1], "k-", linewidth=0.8)
    ax.plot(levels, covered, "o-")
    ax.set(xlabel="promised", ylabel="covered", xlim=(0, 1), ylim=(0, 1), title="calibration")
    return ax


def coverage_by(ax: Any, outcome: Outcome, keys: tuple[str, ...]) -> Any:
    """Coverage of the 90 % interval by source."""
    inside = outcome.bounds[LEVEL].holds(outcome.error).astype(float)
    found = mean_by(inside, keys)
    ax.barh(list(found), list(found.values()))
    ax.axvline(LEVEL, color="k", linewidth=0.8)
    ax.set(xlabel=f"covered by the {LEVEL:.0%} interval", title="coverage by source")
    ax.tick_params(axis="y", labelsize=6)
    return ax


def residual_by(ax: Any, error: Array, keys: tuple[str, ...]) -> Any:
    """Observed less predicted log retained by runtime."""
    names = sorted(set(keys))
    keys_array = np.asarray(keys)
    ax.boxplot([error[keys_array == n] for n in names], orientation="horizontal")
    ax.set_yticks(range(1, len(names) + 1), names)
    ax.axvline(0.0, color="k", linewidth=0.8)
    ax.set(xlabel="observed - predicted log retained", title="residual by runtime")
    return ax


def learning(ax: Any, curve: Sequence[dict[str, Any]], prior_error: float) -> Any:
    """Error on held-out sources against how many sources were taught, and the prior's alone."""
    sources = [point["sources"] for point in curve]
    low, high = zip(*(point["range"] for point in curve), strict=True)
    ax.fill_between(sources, low, high, alpha=0.2)
    ax.plot(sources, [point["error_by_source"] for point in curve], "o-", label="model")
    ax.axhline(prior_error, color="k", linewidth=0.8, label="prior alone")
    ax.set(xlabel="sources taught", ylabel="error by source, log retained", ylim=(0, None))
    ax.set_title("learning curve, sources held out")
    ax.legend()
    return ax
