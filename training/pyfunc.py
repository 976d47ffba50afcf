"""The champion as an MLflow pyfunc: scenarios as rows in, what each retains as rows out.

MLflow copies this file into the model that is logged (models from code) with the rooms that it
imports, and runs it where the model is loaded: nothing of it is pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from features.errors import InvalidInput, Problem
from features.native import NATIVE_OPTIONS, NativeValue, native_value, split_flat
from features.scenario import Scenario, scenario_from_flat
from models.persistence import load_predictor
from models.prediction import DEFAULT_LEVEL, Prediction, level_problems

# Of so many wrong rows it is told at once.
MAX_BAD_ROWS = 20


class ScenarioModel(PythonModel):
    """A predictor that answers a frame of scenarios."""

    def load_context(self, context: Any) -> None:
        """Read the predictor of the model. Raises ModelUnavailable when it is damaged."""
        self.predictor = load_predictor(Path(context.artifacts["predictor"]))

    def predict(
        self,
        context: Any,  # noqa: ARG002
        model_input: pd.DataFrame,
        params: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Retained performance of each row (n), its interval, novelty, whether it extrapolates,
        and `value`, the native value under isolation, where one is given.

        `level` among the parameters is that of the interval. Raises MlflowException, by which a
        scoring server answers 400, naming row and field; the first row is row 1.
        """
        level = float((params or {}).get("level", DEFAULT_LEVEL))
        try:
            asked = read_questions(model_input, level)
        except InvalidInput as error:
            raise MlflowException.invalid_parameter_value(str(error)) from None
        found = self.predictor.predict([scenario for scenario, _ in asked], level=level)
        return pd.DataFrame(
            {
                "retained": [p.retained for p in found],
                "interval_low": [p.interval[0] for p in found],
                "interval_high": [p.interval[1] for p in found],
                "novelty": [p.novelty.score for p in found],
                "extrapolating": [bool(p.novelty.extrapolating) for p in found],
                # None, not NaN: the answer of a server must be JSON.
                "value": pd.Series(
                    [_value(p, native) for p, (_, native) in zip(found, asked, strict=True)],
                    dtype=object,
                ),
            }
        ).set_index(model_input.index)


def read_questions(
    frame: pd.DataFrame, level: float = DEFAULT_LEVEL
) -> list[tuple[Scenario, NativeValue | None]]:
    """Each row as a scenario and its native value. Raises InvalidInput naming row and field."""
    problems = level_problems(level)
    asked = []
    cells = frame.astype(object).where(frame.notna(), None)
    for number, record in enumerate(cells.to_dict("records"), start=1):
        try:
            asked.append(_question({str(key): value for key, value in record.items()}))
        except InvalidInput as error:
            problems += [Problem(f"row {number}, {p.field}", p.message) for p in error.problems]
            if len(problems) >= MAX_BAD_ROWS:
                break
    if problems:
        raise InvalidInput(problems[:MAX_BAD_ROWS])
    return asked


def _question(record: Mapping[str, Any]) -> tuple[Scenario, NativeValue | None]:
    problems: list[Problem] = []
    rest, options = split_flat(record, NATIVE_OPTIONS, problems)
    try:
        scenario = scenario_from_flat(rest)
    except InvalidInput as error:
        raise InvalidInput([*problems, *error.problems]) from None
    if problems:
        raise InvalidInput(problems)
    return scenario, native_value(options, scenario.cores)


def _value(prediction: Prediction, native: NativeValue | None) -> float | None:
    if native is None:
        return None
    return native.under(native.at(prediction.scenario), prediction.retained)


set_model(ScenarioModel())
