"""Putting a predictor where serving reads it: the BentoML model store."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

from features.errors import NotStored
from models.home import MODEL_NAME, bentoml_home
from models.persistence import save_predictor
from models.predictor import Predictor

NO_ROOM = "there is no room on the disk"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# As those say it who tell of an error in words: a copy of several files, a database.
_SAID = (*(f"[Errno {number}]" for number in _FULL), "disk is full")


def has_champion() -> bool:
    """Whether serving has a model to read."""
    return (bentoml_home() / "models" / MODEL_NAME / "latest").exists()


def is_no_room(error: Exception) -> bool:
    """Whether an error means that the disk is full."""
    return getattr(error, "errno", None) in _FULL or any(s in str(error) for s in _SAID)


def put_champion(predictor: Predictor) -> str:
    """Store a predictor as the newest model `nearmetal`; returns its tag.

    The store registers a version only when it is whole, so an interrupted run leaves the last, and
    so does a disk without room. Raises NotStored.
    """
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ["BENTOML_HOME"] = str(bentoml_home())
    import bentoml

    latest = bentoml_home() / "models" / MODEL_NAME / "latest"
    before = latest.read_text(encoding="utf-8") if latest.exists() else ""
    try:
        with bentoml.models.create(
            MODEL_NAME,
            labels={"version": predictor.version},
            metadata={"trained_at": predictor.trained_at},
        ) as model:
            save_predictor(predictor, Path(model.path))
    except OSError as error:
        _point_back(latest, before)
        said = NO_ROOM if is_no_room(error) else f"{error.strerror or error}"
        after = "; the one before stays" if before else ""
        raise NotStored(f"the model was not stored: {said}{after}") from error
    return str(model.tag)


def _point_back(latest: Path, before: str) -> None:
    """BentoML empties its pointer before it writes it; with a full disk it stays empty."""
    with contextlib.suppress(OSError):
        if before and latest.read_text(encoding="utf-8") != before:
            latest.write_text(before, encoding="utf-8")
