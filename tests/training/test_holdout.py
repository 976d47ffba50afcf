"""A file of measurements that the champion never saw."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from datasets.shipped import measured
from datasets.table import write_measurements
from features.errors import InvalidInput, ModelUnavailable
from training.holdout import score_holdout

FILE = (
    "runtime,workload,cores,source,retained,baseline_runtime,resource\n"
    "vm,cpu.int,8,mine,0.97,,cpu\n"
    "container,cpu.int,8,mine,0.99,,cpu\n"
    "gvisor,web.static,8,mine,0.4,container,app\n"
    "microvm,startup,8,mine,0.02,,startup\n"
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(FILE)
    return path


def test_without_a_champion_there_is_nothing_to_score(file, tmp_path, monkeypatch):
    monkeypatch.setenv("NEARMETAL_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("BENTOML_HOME", raising=False)
    with pytest.raises(ModelUnavailable, match="no model yet"):
        score_holdout(file)


@pytest.mark.usefixtures("lessons")
def test_the_champion_and_its_prior_are_scored_on_the_file(file):
    found = json.loads(json.dumps(score_holdout(file)))
    assert found["dataset"]["rows"] == 3
    assert set(found["models"]) == {"champion", "prior"}
    assert found["leaks"] == []
    champion = found["models"]["champion"]
    assert 0 < champion["error_by_row"] < 0.6
    assert champion["coverage"] == 1.0
    assert champion["interval_score"] > 0
    file.write_text(FILE.replace("0.97", "97 percent"))
    with pytest.raises(InvalidInput, match=r"mine\.csv, row 2"):
        score_holdout(file)


@pytest.mark.usefixtures("lessons")
def test_a_file_that_the_champion_was_taught_is_no_holdout(tmp_path):
    path = tmp_path / "taught.csv"
    known = [m for m in measured() if m.source == "cni2024"]
    write_measurements(path, [replace(m, source="mine") for m in known])
    [leak] = score_holdout(path)["leaks"]
    assert leak["sources"] == ["mine", "cni2024"]
