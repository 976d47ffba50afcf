"""Putting a predictor where serving reads it: the BentoML model store."""

from __future__ import annotations

import os

from models.home import state_folder
from models.persistence import save_predictor
from models.predictor import Predictor

STORE_NAME = "nearmetal"


def put_champion(predictor: Predictor) -> str:
    """Store a predictor as the newest model `nearmetal`; returns its tag.

    The store registers a version only when it is whole, so an interrupted run leaves the last.
    """
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ.setdefault("BENTOML_HOME", str(state_folder() / "bentoml"))
    from pathlib import Path

    import bentoml

    with bentoml.models.create(
        STORE_NAME,
        labels={"version": predictor.version},
        metadata={"trained_at": predictor.trained_at},
    ) as model:
        save_predictor(predictor, Path(model.path))
    return str(model.tag)
