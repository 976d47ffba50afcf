"""The tracking store: one run a training, its rivals as child runs, the model registered.

The only module of the commands that imports mlflow, inside its functions: that takes seconds.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from features.errors import NotStored
from models.home import state_folder
from training.corpus import Corpus
from training.evaluation import Evaluation
from training.metrics import mean_by
from training.promotion import NO_ROOM, is_no_room
from training.registration import REGISTERED

EXPERIMENT = "nearmetal"
ALIAS = "champion"


def store_uri() -> str:
    """`MLFLOW_TRACKING_URI`, else an SQLite file in nearmetal's state."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{_database()}"


def _database() -> Path:
    return (state_folder() / "mlflow.db").resolve()


def _mlflow() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    # A model's requirements are stated, whatever project the command is run in.
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    own_store = store_uri() == f"sqlite:///{_database()}"
    import mlflow

    for name in ("alembic", "mlflow", "mlflow.store.db.utils", "mlflow.utils.environment"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if own_store:
        state_folder().mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(store_uri())
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        location = (state_folder() / "artifacts").resolve().as_uri() if own_store else None
        mlflow.create_experiment(EXPERIMENT, artifact_location=location)
    mlflow.set_experiment(EXPERIMENT)
    return mlflow


def champion_measures() -> dict[str, Any] | None:
    """The present champion's version, protocol digest and errors; None without a champion."""
    mlflow = _mlflow()
    client = mlflow.MlflowClient()
    with contextlib.suppress(mlflow.exceptions.MlflowException):
        version = client.get_model_version_by_alias(REGISTERED, ALIAS)
        run = client.get_run(version.run_id)
        return {
            "version": version.version,
            "digest": run.data.params.get("dataset.measured"),
            "scored_rows": int(run.data.params.get("rows.scored", 0)),
            **{k: v for k, v in run.data.metrics.items() if k.startswith("error_by")},
        }
    return None


@contextlib.contextmanager
def tracked_run(corpus: Corpus, parameters: Mapping[str, Any]) -> Iterator[Any]:
    """A run with parameters and dataset digests as inputs; yields the mlflow module.

    Raises NotStored where there is no room for what is logged in it.
    """
    mlflow = _mlflow()
    with mlflow.start_run(run_name="champion"):
        mlflow.log_params(dict(parameters))
        mlflow.log_params({f"dataset.{k}": v for k, v in corpus.digests.items()})
        mlflow.log_params({f"rows.{k}": v for k, v in corpus.sizes.items()})
        mlflow.log_param("rows.scored", int(corpus.scored.sum()))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for name, digest in corpus.digests.items():
                if not corpus.sizes[name]:
                    continue
                rows = [i for i, m in enumerate(corpus.measurements) if m.origin == name]
                data = mlflow.data.from_numpy(
                    corpus.rows.log_retained[rows or slice(0, 1)],
                    name=name,
                    digest=digest[:32],
                )
                mlflow.log_input(data, context="training")
        try:
            yield mlflow
        except (OSError, mlflow.exceptions.MlflowException) as error:
            if is_no_room(error):
                raise NotStored(f"the run was not logged: {NO_ROOM}") from error
            raise


def log_evaluation(mlflow: Any, evaluation: Evaluation, champion: str, corpus: Corpus) -> None:
    """Metrics of the model overall, by source, runtime and workload; rivals as child runs, each
    with the digests of the rows that its figures are of."""
    digests = {f"dataset.{k}": v for k, v in corpus.digests.items()}
    mlflow.log_metrics(_flat(evaluation, champion))
    for name in evaluation.table:
        if name == champion:
            continue
        with mlflow.start_run(run_name=name, nested=True):
            mlflow.log_params({"model": name, **digests})
            mlflow.log_metrics(_flat(evaluation, name))
    mlflow.log_dict(evaluation.table, "evaluation.json")


def log_card(mlflow: Any, card: Mapping[str, Any], page: str) -> None:
    """The model card, as a document and as a page; each point of its learning curve as a metric."""
    mlflow.log_dict(dict(card), "model_card.json")
    mlflow.log_text(page, "model_card.html")
    for point in card.get("learning_curve", ()):
        mlflow.log_metric(
            "learning_curve.error_by_source", point["error_by_source"], step=point["sources"]
        )


def _flat(evaluation: Evaluation, name: str) -> dict[str, float]:
    table = evaluation.table[name]
    out = {k: float(v) for k, v in table.items() if isinstance(v, float)}
    for key in ("error_by_source", "error_by_row"):
        out[f"{key}.low"], out[f"{key}.high"] = table[f"{key}_interval"]
    for other, found in table["ratio_to"].items():
        if found["ratio"] is not None:
            out[f"ratio_to.{other}"] = found["ratio"]
            out[f"ratio_to.{other}.low"], out[f"ratio_to.{other}.high"] = found["interval"]
    for key, value in table.get("random_5_fold", {}).items():
        if key != "flattering":
            out[f"flattering.random_5_fold.{key}"] = value
    for count, told in table.get("own_rows", {}).items():
        for key, value in told.items():
            if key != "without":
                out[f"own_rows.{count}.{key}"] = float(value)
        for key, value in told["without"].items():
            out[f"own_rows.{count}.without.{key}"] = value
    size = np.abs(evaluation.outcomes[name].error)
    for kind, keys in (
        ("source", evaluation.groups),
        ("runtime", evaluation.runtimes),
        ("workload", evaluation.workloads),
    ):
        out.update({f"error.{kind}.{k}": v for k, v in mean_by(size, keys).items()})
    for kind, cells in table.get("by", {}).items():
        for key, cell in cells.items():
            out[f"coverage.{kind}.{key}"] = cell["coverage"]
            if kind == "novelty_decile":
                out[f"error.{kind}.{key}"] = cell["error"]
    return out


def move_alias(mlflow: Any, version: str) -> None:
    """Point `champion` at a registered version."""
    mlflow.MlflowClient().set_registered_model_alias(REGISTERED, ALIAS, version)
