"""The champion in the BentoML model store, the one place that serving reads models from."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from features.errors import ModelUnavailable
from models.home import bentoml_home, champion_folder
from models.persistence import load_predictor
from models.predictor import Predictor


def prepare_bentoml() -> Path:
    """Tell BentoML where its home is and to report to nobody; call it before BentoML is imported.

    What the user has set stands. Returns the home.
    """
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ["BENTOML_HOME"] = str(bentoml_home())
    return bentoml_home()


def load_champion() -> Predictor:
    """The champion, read from the store. Raises ModelUnavailable."""
    return load_predictor(champion_folder())


class Champion:
    """The champion as a service holds it: read once, and looked for again while there is none."""

    def __init__(self) -> None:
        self._predictor: Predictor | None = None
        self._lock = threading.Lock()

    def predictor(self) -> Predictor:
        """The predictor. Raises ModelUnavailable while there is none."""
        if self._predictor is None:
            with self._lock:
                if self._predictor is None:
                    self._predictor = load_champion()
        return self._predictor

    def is_ready(self) -> bool:
        """Whether a predictor can answer now."""
        try:
            self.predictor()
        except ModelUnavailable:
            return False
        return True

    def forget(self) -> None:
        """Let the predictor go, so that the next one asked for is read from the store."""
        self._predictor = None
