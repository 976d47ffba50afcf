"""The registered model, asked as other teams' tools ask it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.encoder import encode
from features.scenario import Scenario
from models.persistence import load_predictor
from tests.training.conftest import champion

CHAMPION = "models:/nearmetal@champion"
ASKED = (
    Scenario("gvisor", "web.static", cores=8, network_gbps=10, mechanisms={"network_path": "host"}),
    Scenario("vm", "cpu.int", cores=16, memory_gb=0.5),
    Scenario("container", demands={"cpu": 0.75, "network": 0.25}),
)
# As a table of them comes: whole numbers, empty cells, a column in which nothing stands.
FRAME = pd.DataFrame(
    {
        "runtime": ["gvisor", "vm", "container"],
        "workload": ["web.static", "cpu.int", None],
        "cores": [8, 16, None],
        "memory_gb": [None, 0.5, None],
        "network_gbps": [10, None, None],
        "network_path": ["host", None, None],
        "page_size": [None, None, None],
        "cpu": [None, None, 0.75],
        "network": [None, None, 0.25],
        "native_value": [12000, 5, None],
        "unit": ["requests/s", "ms", None],
    }
)
JSON = {"Content-Type": "application/json"}
# The command itself, and which code has answered in its process.
COMMAND = """
import sys
from mlflow.cli import cli
cli(sys.argv[1:], standalone_mode=False)
import features, models
print(features.__file__, models.__file__, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def folder(lessons):  # noqa: ARG001
    import mlflow

    return Path(mlflow.artifacts.download_artifacts(CHAMPION))


@pytest.fixture(scope="module")
def expected(lessons, home):  # noqa: ARG001
    return champion(home).predict(ASKED, level=0.8)


@pytest.fixture(scope="module")
def loaded(lessons):  # noqa: ARG001
    import mlflow

    # What it is loaded from must not stand in the way of later imports.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        yield mlflow.pyfunc.load_model(CHAMPION)


def test_nothing_of_it_is_pickled_and_it_names_its_version(lessons, folder, home):
    import mlflow

    first, _, _ = lessons
    names = {p.name for p in folder.rglob("*")}
    assert {"pyfunc.py", "arrays.npz"} <= names
    assert not {n for n in names if n.endswith((".pkl", ".pickle", ".joblib", ".pyc"))}
    assert "uv.lock" not in names
    stored = load_predictor(folder / "artifacts" / "predictor")
    assert stored.version == first.version == champion(home).version
    version = mlflow.MlflowClient().get_model_version_by_alias("nearmetal", "champion")
    assert str(version.version) == first.version


def test_a_frame_is_answered_as_the_champion_answers(loaded, expected):
    found = loaded.predict(FRAME.set_index(pd.Index([7, 5, 3])), params={"level": 0.8})
    assert list(found.index) == [7, 5, 3]
    np.testing.assert_allclose(found["retained"], [p.retained for p in expected])
    np.testing.assert_allclose(
        found[["interval_low", "interval_high"]], [p.interval for p in expected]
    )
    np.testing.assert_allclose(found["novelty"], [p.novelty.score for p in expected])
    assert list(found["extrapolating"]) == [p.novelty.extrapolating for p in expected]
    rate, time, nothing = found["value"]
    assert rate == pytest.approx(12000 * expected[0].retained)
    assert time == pytest.approx(5 / expected[1].retained)
    assert nothing is None
    whole = FRAME.loc[:1, ["runtime", "workload", "cores"]].astype({"cores": "int64"})
    assert loaded.predict(whole)["retained"].between(0, 2).all()


def test_the_signature_names_every_column_and_the_example_is_answered(loaded, folder):
    columns = loaded.metadata.metadata["columns"]
    assert set(loaded.metadata.get_input_schema().input_names()) == columns.keys()
    assert loaded.metadata.get_output_schema().input_names() == list(loaded.predict(FRAME))
    assert {"cores", "page_size", "parallel", "native_value"} <= columns.keys()
    stored = (folder / "serving_input_example.json").read_text()
    assert "NaN" not in stored
    example = json.loads(stored)
    assert example["params"] == {"level": 0.9}
    split = example["dataframe_split"]
    answered = loaded.predict(pd.DataFrame(split["data"], columns=split["columns"]))
    assert answered["value"].notna().tolist() == [True, False]
    needed = (folder / "requirements.txt").read_text().split()
    assert {re.split("[<=>]", n)[0] for n in needed} == {"mlflow", "numpy", "pandas", "scipy"}


def test_its_server_answers_json_and_tells_row_and_field(loaded, expected):
    from mlflow.pyfunc.scoring_server import init

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient`")
        from starlette.testclient import TestClient

    def ask(records, **more):
        body = json.dumps({"dataframe_records": records, **more})
        return client.post(
            "/invocations", content=body, headers={"Content-Type": "application/json"}
        )

    rows = [
        {"runtime": "gvisor", "workload": "web.static", "cores": 8, "network_gbps": 10}
        | {"network_path": "host", "native_value": 12000, "unit": "requests/s"},
        {"runtime": "vm", "workload": "cpu.int", "cores": 16, "memory_gb": 0.5},
    ]
    client = TestClient(init(loaded))
    answer = ask(rows, params={"level": 0.8})
    assert answer.status_code == 200, answer.text
    found = answer.json()["predictions"]
    assert [f["retained"] for f in found] == pytest.approx([p.retained for p in expected[:2]])
    assert found[0]["interval_low"] == pytest.approx(expected[0].interval[0])
    assert found[1]["value"] is None
    for wrong, said in (
        ({"cores": "eight"}, "row 3, cores: a number is needed, not 'eight'"),
        ({"runtime": "vmm"}, "row 3, runtime: unknown runtime 'vmm'; did you mean vm"),
        ({"native_value": 5}, "row 3, unit: is required with native_value"),
        ({"workload": None}, "row 3, workload: is required"),
    ):
        refused = ask([*rows, {"runtime": "vm", "workload": "web", **wrong}])
        assert refused.status_code == 400
        assert said in refused.json()["message"]
    refused = ask(rows, params={"level": 0.3})
    assert refused.status_code == 400
    assert "level: must be above 0.5" in refused.json()["message"]


def test_the_command_answers_in_another_folder_with_the_code_of_the_model(
    lessons,  # noqa: ARG001
    folder,
    tmp_path,
    expected,
):
    import mlflow

    FRAME.to_csv(tmp_path / "scenarios.csv", index=False)
    out = tmp_path / "out.json"
    arguments = ["models", "predict", "-m", CHAMPION, "-i", "scenarios.csv", "-t", "csv"]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments, "-o", str(out), "--env-manager", "local"],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())["predictions"]
    assert [f["retained"] for f in found] == pytest.approx([p.retained for p in expected])
    used = done.stderr.splitlines()[-1].split()
    assert all(Path(path).is_relative_to(folder / "code") for path in used)


def test_the_regressor_stands_beside_it(lessons, home):
    import mlflow

    first, _, _ = lessons
    run = mlflow.MlflowClient().get_model_version("nearmetal", first.version).run_id
    (logged,) = mlflow.search_logged_models(
        filter_string=f"source_run_id = '{run}' AND name = 'regressor'", output_format="list"
    )
    names = {p.name for p in Path(mlflow.artifacts.download_artifacts(logged.model_uri)).iterdir()}
    assert "model.skops" in names
    assert not {n for n in names if n.endswith((".pkl", ".pickle", ".joblib"))}
    model = mlflow.sklearn.load_model(logged.model_uri)
    served = champion(home)
    encoding, _ = encode(ASKED, served.constants)
    said = np.log([p.retained for p in served.predict(ASKED)])
    np.testing.assert_allclose(model.predict(encoding), said)


@pytest.mark.skipif(not shutil.which("java"), reason="a Spark session needs Java")
def test_a_spark_session_scores_with_it(lessons, home, expected, monkeypatch):  # noqa: ARG001
    pytest.importorskip("pyspark")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    import mlflow
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import struct

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        spark = session.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
        try:
            rows = spark.createDataFrame(
                [("gvisor", "web.static", 8, 10.0, "host"), ("vm", "cpu.int", 16, None, None)],
                "runtime string, workload string, cores long, network_gbps double, "
                "network_path string",
            )
            score = mlflow.pyfunc.spark_udf(
                spark, CHAMPION, env_manager="local", params={"level": 0.8}
            )
            found = rows.select(score(struct(*rows.columns)).alias("p")).collect()
        finally:
            spark.stop()
    second = champion(home).predict([Scenario("vm", "cpu.int", cores=16)], level=0.8)
    for row, told in zip(found, (expected[0], *second), strict=True):
        assert row.p.retained == pytest.approx(told.retained)
        assert (row.p.interval_low, row.p.interval_high) == pytest.approx(told.interval)
        assert row.p.extrapolating is told.novelty.extrapolating
        assert row.p.value is None
