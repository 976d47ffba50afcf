"""Putting a champion into the model store, or saying why not and leaving the one before."""

from __future__ import annotations

import errno
import shutil
import sqlite3

import pytest

from features.errors import NotStored
from models.home import champion_folder
from training import promotion
from training.promotion import is_no_room, put_champion

FULL = OSError(errno.ENOSPC, "No space left on device")


class Nothing:
    """As much of a predictor as the store's label needs."""

    version, trained_at = "7", "2024-05-01T00:00:00+00:00"


def written(_, folder):
    (folder / "manifest.json").write_text("{}")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A BentoML home; BentoML itself keeps the one that it was imported with."""
    from bentoml._internal.configuration.containers import BentoMLContainer
    from bentoml._internal.models.model import ModelStore

    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    BentoMLContainer.model_store.set(ModelStore(tmp_path / "models"))
    yield tmp_path
    BentoMLContainer.model_store.reset()


@pytest.mark.parametrize("error", [FULL, shutil.Error([("a", "b", str(FULL))])])
def test_without_room_the_one_before_stays(home, monkeypatch, error):
    monkeypatch.setattr(promotion, "save_predictor", written)
    tag = put_champion(Nothing())

    def fail(*_):
        (home / "models" / "nearmetal" / "latest").write_text("")
        raise error

    monkeypatch.setattr(promotion, "save_predictor", fail)
    with pytest.raises(NotStored, match="no room on the disk; the one before stays"):
        put_champion(Nothing())
    assert champion_folder().name == tag.split(":")[1]


def test_another_reason_is_told(home, monkeypatch):  # noqa: ARG001
    def fail(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(promotion, "save_predictor", fail)
    with pytest.raises(NotStored, match="Read-only file system$"):
        put_champion(Nothing())


def test_a_full_disk_is_known_by_its_number_or_its_words():
    assert is_no_room(FULL)
    assert is_no_room(sqlite3.OperationalError("database or disk is full"))
    assert not is_no_room(OSError(errno.EACCES, "Permission denied"))
