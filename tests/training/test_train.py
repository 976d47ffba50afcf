"""A whole training run against the real tracking store and model store, and what interrupts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from features.errors import InvalidInput
from tests.training.conftest import champion
from training.corpus import load_corpus

ROOT = Path(__file__).resolve().parents[2]


def command(home, *arguments):
    env = {**os.environ, "NEARMETAL_HOME": str(home)}
    env.pop("BENTOML_HOME", None)
    return subprocess.Popen(
        [sys.executable, "-m", "nearmetal", *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_corpus_is_what_the_card_promises(corpus):
    assert corpus.sizes["measured"] >= 3000
    assert len({g for g, s in zip(corpus.groups, corpus.scored, strict=True) if s}) >= 30
    origins = [m.origin for m in corpus.measurements]
    assert {"measured", "reference", "synthetic"} == set(origins)
    noise = {o: min(corpus.rows.noise[[x == o for x in origins]]) for o in set(origins)}
    assert noise["synthetic"] > noise["reference"] > noise["measured"]


def test_leave_one_source_out_keeps_its_promises(evaluation):
    """The targets of the first release; the present figures stand in the README."""
    table = evaluation.table
    assert table["champion"]["error_by_source"] <= 0.47
    assert table["champion"]["error_by_source"] < table["prior"]["error_by_source"]
    assert 0.88 <= table["champion"]["coverage"] <= 0.94
    for told in table["champion"]["own_rows"].values():
        assert told["error_by_source"] < told["without"]["error_by_source"] - 0.015
        assert told["width"] < told["without"]["width"]
        assert 0.86 <= told["coverage"] <= 0.95


def test_the_same_seed_gives_the_same_numbers(corpus, evaluation, lessons):
    anew, _, _ = lessons
    assert anew.evaluation is not evaluation
    assert anew.evaluation.table == evaluation.table
    assert load_corpus().digests == corpus.digests
    assert load_corpus(seed=1).digests["synthetic"] != corpus.digests["synthetic"]


def test_a_run_is_tracked_registered_and_promoted(lessons):
    import mlflow

    first, served, _ = lessons
    assert first.promoted
    assert served.version == first.version
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("nearmetal", "champion")
    assert str(version.version) == first.version
    run = client.get_run(version.run_id)
    assert run.data.params["protocol"] == "loso-v1"
    assert run.data.metrics["error_by_source"] == pytest.approx(
        first.evaluation.table["champion"]["error_by_source"]
    )
    assert {"error.source.felter2015", "error.runtime.wasm"} <= set(run.data.metrics)
    for count, told in first.evaluation.table["champion"]["own_rows"].items():
        logged = {
            key: run.data.metrics[f"own_rows.{count}.{key}"] for key in told.keys() - {"without"}
        }
        assert logged == pytest.approx({k: v for k, v in told.items() if k != "without"})
        without = run.data.metrics[f"own_rows.{count}.without.error_by_source"]
        assert without == pytest.approx(told["without"]["error_by_source"])
    assert {d.dataset.name for d in run.inputs.dataset_inputs} >= {"measured", "synthetic"}
    pictures = {a.path for a in client.list_artifacts(run.info.run_id)}
    assert {"parity.png", "calibration.png", "coverage_by_source.png"} <= pictures
    assert {"learning_curve.png", "model_card.html", "model_card.json"} <= pictures
    assert run.data.metrics["learning_curve.error_by_source"] == pytest.approx(
        run.data.metrics["error_by_source"]
    )
    children = client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{run.info.run_id}'"
    )
    assert {c.data.params["model"] for c in children} >= {"prior"}
    digest = run.data.params["dataset.measured"]
    assert {c.data.params["dataset.measured"] for c in children} == {digest}


def test_the_alias_moves_only_to_what_is_better(lessons, home):
    first, _, second = lessons
    assert not second.promoted
    assert "is not below" in second.why
    assert second.version != first.version
    assert champion(home).version == first.version


def test_a_predictor_carries_its_card(lessons):
    _, served, _ = lessons
    assert served.card["protocol"] == "loso-v1"
    assert served.card["models"]["champion"]["coverage"] > 0.8
    assert replace(served, version="x").card == served.card


def test_kill_in_the_middle_of_training_leaves_the_champion(lessons, home):
    first, _, _ = lessons
    for wait in (3.0, 8.0):
        process = command(home, "train")
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert champion(home).version == first.version
    answer = command(home, "predict", "--runtime", "vm", "--workload", "web", "--json")
    out, err = answer.communicate(timeout=60)
    assert answer.returncode == 0, err
    assert json.loads(out)["model"]["version"] == first.version


def test_a_bad_measurements_file_stops_before_anything_is_written(tmp_path):
    bad = tmp_path / "mine.csv"
    bad.write_text("runtime,workload,source,retained\nvm,web,me,0.9\nvm,web.static,me,fast\n")
    with pytest.raises(InvalidInput, match=r"mine\.csv, row 3"):
        load_corpus([bad])
    home = tmp_path / "empty"
    process = command(home, "train", "--measurements", str(bad))
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert len(err.strip().splitlines()) == 1
    assert "row 3" in err
    assert "retained" in err
    assert out == ""
    assert not home.exists()


def test_own_measurements_are_learned_from(tmp_path):
    own = tmp_path / "mine.csv"
    own.write_text(
        "runtime,workload,source,retained,cores\n"
        + "".join(f"vm,web.static,mine,0.{60 + i},{2**i}\n" for i in range(4))
    )
    corpus = load_corpus([own])
    assert corpus.sizes["own"] == 4
    assert sum(m.source == "mine" for m in corpus.measurements) == 4
    assert "mine" in corpus.groups
