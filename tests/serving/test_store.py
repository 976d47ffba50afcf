"""The champion in BentoML's model store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from features.errors import ModelUnavailable
from serving.store import Champion, champion_folder, load_champion, prepare_bentoml
from tests.serving.conftest import put

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_model_the_advice_is_to_train(empty_home):
    assert not empty_home.exists()
    with pytest.raises(ModelUnavailable, match="nearmetal train"):
        champion_folder()


def test_the_latest_model_is_read(home):
    assert champion_folder() == home / "models" / "nearmetal" / "v1"
    assert load_champion().version == "7"


@pytest.mark.parametrize("pointer", ["", "gone", "../../..", "/etc", "\x00"])
def test_a_pointer_to_nowhere_is_no_model(home, pointer):
    (home / "models" / "nearmetal" / "latest").write_text(pointer)
    with pytest.raises(ModelUnavailable):
        champion_folder()


def test_a_damaged_model_is_no_model(home):
    arrays = next((home / "models" / "nearmetal" / "v1").glob("*.npz"))
    arrays.write_bytes(arrays.read_bytes()[:-7])
    assert not Champion().is_ready()
    with pytest.raises(ModelUnavailable):
        load_champion()


def test_a_champion_that_comes_later_is_found(empty_home, predictor):
    champion = Champion()
    assert not champion.is_ready()
    put(predictor, empty_home)
    assert champion.is_ready()
    assert champion.predictor() is champion.predictor()


def test_the_users_settings_stand(monkeypatch, tmp_path):
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    monkeypatch.setenv("BENTOML_DO_NOT_TRACK", "False")
    assert prepare_bentoml() == tmp_path
    assert os.environ["BENTOML_DO_NOT_TRACK"] == "False"


def test_bentoml_finds_what_this_room_finds(tmp_path):
    """The layout that is read directly is the layout that BentoML writes."""
    script = """
from serving.store import champion_folder, prepare_bentoml
prepare_bentoml()
import bentoml
for _ in range(2):
    with bentoml.models.create("nearmetal") as model:
        pass
assert champion_folder().samefile(bentoml.models.get("nearmetal:latest").path)
print(model.tag.version == champion_folder().name)
"""
    environment = {**os.environ, "BENTOML_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr


def test_a_bento_answers_from_what_is_packed_in_it(home, predictor, monkeypatch, tmp_path):
    """Beside its sources lies a model; a store with a champion goes before it."""
    from models import home as places

    bento = tmp_path / "bento"
    packed = put(predictor, bento, "packed")
    (packed.parent / "latest").unlink()
    (bento / "bento.yaml").touch()
    monkeypatch.setattr(places, "__file__", str(bento / "src" / "models" / "home.py"))
    assert champion_folder() == home / "models" / "nearmetal" / "v1"
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "empty"))
    assert champion_folder() == packed
