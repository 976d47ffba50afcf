"""What a training run hands on: the model as a pyfunc on scenarios, registered, and its regressor.

Neither is pickled: the pyfunc is a file of code beside the predictor's arrays, the regressor is
stored by skops.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import features
import models
from features.encoder import COLUMNS
from features.native import MAX_NATIVE_VALUE
from features.scaling import LAWS
from features.scenario import HOST_FIELDS, HOST_RANGES
from features.vocabulary import vocabulary
from models.estimator import ResidualRegressor
from models.persistence import save_predictor
from models.prediction import DEFAULT_LEVEL
from models.predictor import Predictor

REGISTERED = "nearmetal"
# Names of the two in a run.
MODEL, REGRESSOR = "model", "regressor"
# What a stored regressor may hold beside plain arrays: our own estimator, nothing else.
TRUSTED_TYPES = ["models.estimator.ResidualRegressor"]
NUMERIC = ["numpy>=2.3,<3", "scipy>=1.16,<2"]
MODEL_REQUIREMENTS = ["mlflow>=3.17,<4", "pandas>=3.0,<4", *NUMERIC]
REGRESSOR_REQUIREMENTS = ["scikit-learn>=1.8,<2", *NUMERIC]

EXAMPLE = (
    {
        "runtime": "gvisor",
        "workload": "web",
        "cores": 8.0,
        "memory_gb": 32.0,
        "network_gbps": 10.0,
        "storage_iops": 200000.0,
        "network_path": "host",
        "native_value": 12000.0,
        "unit": "requests/s",
    },
    {"runtime": "vm", "workload": "database.sql", "cores": 16.0},
)
ANSWERS = {
    "retained": "double",
    "interval_low": "double",
    "interval_high": "double",
    "novelty": "double",
    "extrapolating": "boolean",
    "value": "double",
}


def scenario_columns() -> dict[str, str]:
    """The columns of a scenario and what each may hold; all but `runtime` are optional."""
    words = vocabulary()
    return {
        "runtime": _one_of(words.runtimes),
        "workload": f"{_one_of(words.workloads)}; not needed where demands are given",
        **{name: _number(*HOST_RANGES[name]) for name in HOST_FIELDS},
        **{key: _one_of(mechanism.values) for key, mechanism in words.mechanisms.items()},
        **{key: _number(f.low, f.high) for key, f in words.demand_fields.items()},
        "native_value": f"a number above 0, at most {MAX_NATIVE_VALUE:g}",
        "unit": "a text, with native_value; of a time less is better",
        "native_cores": _number(*HOST_RANGES["cores"]),
        "scaling": _one_of(LAWS),
    }


def _one_of(words: Any) -> str:
    return f"one of {', '.join(words)}"


def _number(low: float, high: float) -> str:
    return f"a number, {low:g} to {high:g}"


def scenario_signature(mlflow: Any) -> Any:
    """What the pyfunc takes and gives.

    The optional columns are of any type: MLflow refuses whole numbers in a column of doubles, as a
    CSV has them, and an empty column of texts. What stands in them is checked row by row.
    """
    schema = mlflow.types.schema
    names = [name for name in scenario_columns() if name != "runtime"]
    return mlflow.models.ModelSignature(
        inputs=schema.Schema(
            [
                schema.ColSpec("string", "runtime"),
                *(schema.ColSpec(schema.AnyType(), name, required=False) for name in names),
            ]
        ),
        outputs=schema.Schema(
            [schema.ColSpec(kind, name, required=name != "value") for name, kind in ANSWERS.items()]
        ),
        params=schema.ParamSchema([schema.ParamSpec("level", "double", DEFAULT_LEVEL)]),
    )


def register(mlflow: Any, predictor: Predictor) -> Predictor:
    """Log the model and its regressor and register the model; the predictor by its version.

    The version is drawn before the model is logged, because the model tells it; it goes again
    where logging fails.
    """
    client = mlflow.MlflowClient()
    # The registry tells its progress on standard error, where only ours belongs.
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        _log_regressor(mlflow, predictor)
        if not client.search_registered_models(f"name = '{REGISTERED}'"):
            client.create_registered_model(REGISTERED)
        logged = mlflow.initialize_logged_model(name=MODEL)
        version = client.create_model_version(
            REGISTERED,
            source=f"models:/{logged.model_id}",
            run_id=logged.source_run_id,
            model_id=logged.model_id,
        ).version
        predictor = replace(predictor, version=str(version))
        try:
            _log_model(mlflow, predictor, logged.model_id)
        except BaseException:
            client.delete_model_version(REGISTERED, version)
            raise
    return predictor


def _example() -> Any:
    """The example as a frame; what is not given is None, since NaN is no JSON."""
    import pandas as pd

    frame = pd.DataFrame(EXAMPLE)
    return frame.astype(object).where(frame.notna(), None)


def _log_model(mlflow: Any, predictor: Predictor, model_id: str) -> None:
    with tempfile.TemporaryDirectory() as folder, _same_path():
        stored = Path(folder) / "predictor"
        save_predictor(predictor, stored)
        mlflow.pyfunc.log_model(
            name=MODEL,
            model_id=model_id,
            python_model=str(Path(__file__).with_name("pyfunc.py")),
            artifacts={"predictor": str(stored)},
            code_paths=[room.__path__[0] for room in (features, models)],
            signature=scenario_signature(mlflow),
            input_example=(_example(), {"level": DEFAULT_LEVEL}),
            metadata={"columns": scenario_columns()},
            pip_requirements=MODEL_REQUIREMENTS,
        )


@contextlib.contextmanager
def _same_path() -> Iterator[None]:
    """MLflow tries the example on a copy of the model, and leaves that in the way of imports."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before


def _log_regressor(mlflow: Any, predictor: Predictor) -> None:
    import pandas as pd

    model = ResidualRegressor.from_predictor(predictor)
    example = pd.DataFrame(predictor.rows.points.encoding[:2], columns=list(COLUMNS))
    mlflow.sklearn.log_model(
        model,
        name=REGRESSOR,
        serialization_format="skops",
        skops_trusted_types=TRUSTED_TYPES,
        signature=mlflow.models.infer_signature(example, model.predict(example.to_numpy())),
        input_example=example,
        pip_requirements=REGRESSOR_REQUIREMENTS,
    )
