"""What the service tells Prometheus of its predictions and its champion, beside BentoML's series.

One file of the multiprocess folder a worker, so that every worker's /metrics tells of all.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from features.scenario import Scenario
from models.prediction import Prediction

# Where the workers of one service write; `nearmetal serve` sets it. BentoML's own choice lies in
# the model store, is emptied by the next service that starts there, and goes when the store does.
FOLDER = "NEARMETAL_METRICS"
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

# At 1 begins what the most novel tenth of the measurements has.
NOVELTY_BOUNDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.25, 1.5, 2.0, 3.0)
WIDTH_BOUNDS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 1.5)


def make_folder() -> None:
    """A folder for the workers of a service that this process becomes."""
    os.environ[FOLDER] = f"{os.getpid()}:{tempfile.mkdtemp(prefix='nearmetal-metrics-')}"


def tidy_folder() -> None:
    """Take the folder away when the process ends that made it; its workers leave it."""
    owner, _, folder = os.environ.get(FOLDER, "").partition(":")
    if folder and owner == str(os.getpid()):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def choose_folder() -> None:
    """Have prometheus_client write where it is to; call it before anything imports that."""
    folder = os.environ.get(FOLDER, "").partition(":")[2]
    if folder:
        os.environ[_FOLDER] = folder
    elif _FOLDER not in os.environ:  # BentoML sets it for its workers only
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="nearmetal-metrics-")


class Metrics:
    """The service's own series, once they are open.

    prometheus_client decides at its import whether it is one process or several, by the folder
    that the environment names; so it is imported on opening and not before.
    """

    def open(self) -> None:
        """Make the series, once in a process."""
        if hasattr(self, "_predictions"):
            return
        import prometheus_client as client
        from prometheus_client import multiprocess

        self._children: dict[tuple[str, str, bool], Any] = {}
        self._version: str | None = None
        self._mark_dead: Callable[[int], None] = multiprocess.mark_process_dead
        self._novelty = client.Histogram(
            "nearmetal_novelty",
            "Novelty score of what was asked; above 1 as for the most novel tenth measured.",
            buckets=NOVELTY_BOUNDS,
        )
        self._width = client.Histogram(
            "nearmetal_interval_width",
            "Upper less lower end of the interval of retained performance.",
            buckets=WIDTH_BOUNDS,
        )
        self._champions = client.Gauge(
            "nearmetal_champion_workers",
            "Workers that answer from a version of the model.",
            ["version"],
            multiprocess_mode="livesum",
        )
        self._failures = client.Counter(
            "nearmetal_reload_failures", "Models of the store that were refused."
        )
        self._reloads = client.Counter("nearmetal_reloads", "Models taken from the store.")
        self._predictions = client.Counter(
            "nearmetal_predictions",
            "Predictions made, by what was asked and whether it extrapolates.",
            ["runtime", "workload", "extrapolating"],
        )

    def predicted(self, predictions: Sequence[Prediction]) -> None:
        """Count predictions: a list of them costs little more than one."""
        if not predictions:
            return
        asked = [
            (p.scenario.runtime, p.scenario.workload, p.novelty.extrapolating) for p in predictions
        ]
        counted = Counter(asked).items() if len(asked) > 1 else ((asked[0], 1),)
        for key, count in counted:
            child = self._children.get(key)
            if child is None:
                runtime, workload, far = key
                child = self._predictions.labels(runtime, workload, "true" if far else "false")
                self._children[key] = child
            child.inc(count)
        observe(self._novelty, NOVELTY_BOUNDS, [p.novelty.score for p in predictions])
        observe(self._width, WIDTH_BOUNDS, [p.interval[1] - p.interval[0] for p in predictions])

    def champion(self, version: str) -> None:
        """This worker answers from another version now."""
        self.bury()
        if self._version is not None:
            self._champions.labels(self._version).set(0)
        self._champions.labels(version).set(1)
        self._version = version
        self._reloads.inc()

    def reload_failed(self) -> None:
        """A model of the store was refused."""
        self._failures.inc()

    def bury(self) -> None:
        """Take the gauges of workers that are dead out of the sums: a kill leaves them behind."""
        folder = os.environ.get(_FOLDER)
        for path in Path(folder).glob("gauge_live*_*.db") if folder else ():
            pid = path.stem.rpartition("_")[2]
            if pid.isdecimal() and not _lives(int(pid)):
                self._mark_dead(int(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def observe(histogram: Any, bounds: Sequence[float], values: Sequence[float]) -> None:
    """Observe many values at once, each bucket written once."""
    if len(values) == 1:
        histogram.observe(values[0])
        return
    counts = Counter(bisect_left(bounds, value) for value in values)
    for place, count in counts.items():
        histogram._buckets[place].inc(count)
    histogram._sum.inc(sum(values))


class Counted:
    """A predictor whose predictions are counted."""

    def __init__(self, predictor: Any, metrics: Metrics) -> None:
        self.predictor = predictor
        self.metrics = metrics

    def predict(self, scenarios: Sequence[Scenario], **options: Any) -> list[Prediction]:
        """The predictor's predictions."""
        made: list[Prediction] = self.predictor.predict(scenarios, **options)
        self.metrics.predicted(made)
        return made
