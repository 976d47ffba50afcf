"""A new champion without a restart: each worker looks at the store and takes what is new.

Beside the event loop, in a thread of its own; requests in flight end on the champion that they
began with.
"""

from __future__ import annotations

import logging
import os
import threading

from features.errors import ModelUnavailable
from serving.metrics import Metrics
from serving.store import Champion, Stamp, store_stamp

logger = logging.getLogger("nearmetal.serving")

PERIOD_S = 1.0


def period_of_environment() -> float:
    """Seconds between two looks: `NEARMETAL_RELOAD_S`, else one; 0 never looks."""
    given = os.environ.get("NEARMETAL_RELOAD_S", "").strip()
    try:
        period = float(given) if given else PERIOD_S
    except ValueError:
        period = -1.0
    if not 0 <= period <= 3600:
        logger.warning("NEARMETAL_RELOAD_S is no number of seconds: %r", given[:40])
        return PERIOD_S
    return period


class Watch:
    """Renews a champion whenever the store names another; what it refuses it says once."""

    def __init__(self, champion: Champion, metrics: Metrics, period_s: float) -> None:
        self.champion = champion
        self.metrics = metrics
        self.period_s = period_s
        self._version: str | None = None
        self._failed: tuple[Stamp, str] | None = None
        self._told: tuple[Stamp, str] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champion", daemon=True)

    def start(self) -> None:
        """Begin to look, unless the period says never."""
        if self.period_s > 0:
            self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def look(self) -> None:
        """One look at the store."""
        stamp = store_stamp()
        try:
            self.champion.renew()
        except ModelUnavailable as error:
            self._refuse(stamp, str(error))
            return
        self._failed = self._told = None
        self.tell()

    def tell(self) -> None:
        """Tell of the version that is held, when it is another than was told of."""
        version = self.champion.predictor().version
        if version != self._version:
            logger.info("model %s is %s", version, "ready" if self._version is None else "taken")
            self.metrics.champion(version)
            self._version = version

    def _refuse(self, stamp: Stamp, said: str) -> None:
        """Tell of a refusal once, and only when two looks agree: a store may be being written."""
        failure = stamp, said
        twice, self._failed = self._failed == failure, failure
        if not twice or self._told == failure:
            return
        self._told = failure
        if self.champion.holds():
            self.metrics.reload_failed()
            version = self.champion.predictor().version
            logger.error("the store's model is refused, model %s goes on: %s", version, said)
        else:
            logger.warning("not ready: %s", said)

    def _run(self) -> None:
        while not self._stop.wait(self.period_s):
            try:
                self.look()
            except Exception:
                logger.exception("looking for a new model failed")
