"""The champion in the BentoML model store, the one place that serving reads models from."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from features.errors import ModelUnavailable
from models.home import MODEL_NAME, bentoml_home, champion_folder
from models.persistence import ARRAYS, DIGESTS, MANIFEST, load_predictor
from models.predictor import Predictor

logger = logging.getLogger("nearmetal.serving")

# A folder and what the file system says of the files in it; None where there is no model.
Stamp = tuple[str, tuple[tuple[int, int, int], ...]] | None


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


def store_stamp() -> Stamp:
    """What changes when the store's champion does: a few small looks, nothing is read whole."""
    try:
        return stamp_of(champion_folder())
    except ModelUnavailable:
        return None


def stamp_of(folder: Path) -> Stamp:
    """The stamp of one model's folder."""
    try:
        seen = [(folder / name).stat() for name in (DIGESTS, MANIFEST, ARRAYS)]
    except (OSError, ValueError):
        return None
    return str(folder), tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in seen)


def _older(refused: Stamp) -> list[Path]:
    """The other models of the store, the newest first."""
    try:
        folders = [p for p in (bentoml_home() / "models" / MODEL_NAME).iterdir() if p.is_dir()]
    except OSError:
        return []
    stamps = {p: stamp for p in folders if (stamp := stamp_of(p)) and stamp != refused}
    return sorted(stamps, key=lambda p: stamps[p][1][0][0], reverse=True)


@dataclass(frozen=True)
class _Held:
    predictor: Predictor
    stamp: Stamp


class Champion:
    """The champion as a service holds it: read once, looked for again while there is none.

    A request takes the predictor once and keeps it to its end, whatever is held meanwhile.
    """

    def __init__(self) -> None:
        self._held: _Held | None = None
        self._refused: tuple[Stamp, str] | None = None
        self._lock = threading.Lock()

    def predictor(self) -> Predictor:
        """The predictor. Raises ModelUnavailable while there is none."""
        held = self._held
        if held is not None:
            return held.predictor
        with self._lock:
            if self._held is None:
                self._held = self._first(store_stamp())
            return self._held.predictor

    def renew(self) -> bool:
        """Take the store's champion in place of the one held; False when it is the same.

        Raises ModelUnavailable when it cannot be read; then the one held stays.
        """
        stamp = store_stamp()
        held = self._held
        if held is not None and held.stamp == stamp:
            return False
        with self._lock:
            self._held = self._read(stamp)
        return True

    def holds(self) -> bool:
        """Whether there is a predictor, without looking for one."""
        return self._held is not None

    def is_ready(self) -> bool:
        """Whether a predictor can answer now."""
        try:
            self.predictor()
        except ModelUnavailable:
            return False
        return True

    def forget(self) -> None:
        """Let the predictor go, so that the next one asked for is read from the store."""
        self._held = None
        self._refused = None

    def _first(self, stamp: Stamp) -> _Held:
        """The store's champion, or the one before it when it is refused: a worker that starts
        anew answers as those do that hold the old one."""
        try:
            return self._read(stamp)
        except ModelUnavailable as refusal:
            for folder in _older(stamp):
                older = stamp_of(folder)
                try:
                    held = _Held(load_predictor(folder), older)
                except ModelUnavailable:
                    continue
                said = "the store's model is refused, model %s is taken in its place: %s"
                logger.error(said, held.predictor.version, refusal)
                return held
            raise

    def _read(self, stamp: Stamp) -> _Held:
        """The store's champion. What was refused once is not read again until it changes."""
        if self._refused is not None and stamp is not None and self._refused[0] == stamp:
            raise ModelUnavailable(self._refused[1])
        try:
            held = _Held(load_champion(), stamp)
        except ModelUnavailable as error:
            self._refused = stamp, str(error)
            raise
        self._refused = None
        return held
