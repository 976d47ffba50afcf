"""Putting a predictor where serving reads it: the BentoML model store."""

from __future__ import annotations

import os
from pathlib import Path

from models.home import MODEL_NAME, bentoml_home
from models.persistence import save_predictor
from models.predictor import Predictor


def has_champion() -> bool:
    """Whether serving has a model to read."""
    return (bentoml_home() / "models" / MODEL_NAME / "latest").exists()


def put_champion(predictor: Predictor) -> str:
    """Store a predictor as the newest model `nearmetal`; returns its tag.

    The store registers a version only when it is whole, so an interrupted run leaves the last.
    """
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ["BENTOML_HOME"] = str(bentoml_home())
    import bentoml

    with bentoml.models.create(
        MODEL_NAME,
        labels={"version": predictor.version},
        metadata={"trained_at": predictor.trained_at},
    ) as model:
        save_predictor(predictor, Path(model.path))
    return str(model.tag)
