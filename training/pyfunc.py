"""The champion as an MLflow pyfunc: scenarios as rows in, what each retains as rows out.

MLflow copies this file into the model that is logged (models from code) with the rooms that it
imports, and runs it where the model is loaded: nothing of it is pickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow import MlflowException
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel
from numpy.typing import NDArray

from features.columns import Columns, cells_of, read_columns
from features.errors import InvalidInput, Problem
from features.native import NATIVE_OPTIONS, NativeValue, native_value, split_flat
from features.scenario import is_empty, scenario_from_flat
from models.bulk import Scorer
from models.persistence import load_predictor
from models.prediction import DEFAULT_LEVEL, level_problems

# Of so many wrong cells it is told at once.
MAX_PROBLEMS = 20


class ScenarioModel(PythonModel):
    """A predictor that answers a frame of scenarios."""

    def load_context(self, context: Any) -> None:
        """Read the predictor of the model. Raises ModelUnavailable when it is damaged."""
        self.scorer = Scorer(load_predictor(Path(context.artifacts["predictor"])))

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
        found = self.scorer.score(asked.columns, level)
        return pd.DataFrame(
            {
                "retained": found.retained,
                "interval_low": found.low,
                "interval_high": found.high,
                "novelty": found.novelty,
                "extrapolating": found.extrapolating,
                # None, not NaN: the answer of a server must be JSON.
                "value": pd.Series(asked.values(found.retained), dtype=object),
            }
        ).set_index(model_input.index)


@dataclass(frozen=True)
class Asked:
    """Scenarios (n), and row -> the native value of it with what that is on the row's cores."""

    columns: Columns
    natives: Mapping[int, tuple[NativeValue, float]]

    def values(self, retained: NDArray[np.float64]) -> list[float | None]:
        """What the native values become (n), None where a row has none."""
        found: list[float | None] = [None] * len(retained)
        for row, (native, base) in self.natives.items():
            found[row] = native.under(base, float(retained[row]))
        return found


def read_questions(frame: pd.DataFrame, level: float = DEFAULT_LEVEL) -> Asked:
    """The rows as scenarios and native values. Raises InvalidInput naming row and field."""
    cells = {str(name): _cells(column) for name, column in frame.items()}
    given = {name: cells.pop(name) for name in NATIVE_OPTIONS if name in cells}
    columns = read_columns(cells)
    wrong = list(columns.problems)
    natives = {}
    told = np.zeros(len(frame), dtype=bool)
    for column in given.values():
        told |= [not is_empty(cell) for cell in column.tolist()]
    for row in columns.good[told[columns.good]].tolist():
        try:
            native = _native(cells_of({**cells, **given}, row))
        except InvalidInput as error:
            wrong += [(row, problem) for problem in error.problems]
        else:
            natives[row] = native
    problems = level_problems(level)
    wrong.sort(key=lambda each: each[0])
    problems += [Problem(f"row {row + 1}, {p.field}", p.message) for row, p in wrong]
    if problems:
        raise InvalidInput(problems[:MAX_PROBLEMS])
    return Asked(columns, natives)


def _cells(column: pd.Series) -> NDArray[Any]:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu":
        return column.to_numpy()
    return column.astype(object).where(column.notna(), None).to_numpy(dtype=object)


def _native(record: Mapping[str, Any]) -> tuple[NativeValue, float]:
    problems: list[Problem] = []
    rest, options = split_flat(record, NATIVE_OPTIONS, problems)
    if problems:
        raise InvalidInput(problems)
    scenario = scenario_from_flat(rest)
    native = native_value(options, scenario.cores)
    # Called for rows that have an option; without a value of its own that is refused.
    assert native is not None
    return native, native.at(scenario)


set_model(ScenarioModel())
