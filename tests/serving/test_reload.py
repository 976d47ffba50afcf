"""A new champion without a restart; what is damaged is refused and the old one goes on."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace

import pytest

from features.errors import ModelUnavailable
from models.persistence import ARRAYS
from serving.reload import PERIOD_S, Watch, period_of_environment
from serving.store import Champion
from tests.serving.conftest import put


class Told:
    """What a watch tells the metrics."""

    def __init__(self):
        self.failures = 0
        self.versions = []

    def champion(self, version):
        self.versions.append(version)

    def reload_failed(self):
        self.failures += 1


@pytest.fixture
def watch(home) -> Watch:  # noqa: ARG001
    champion = Champion()
    watch = Watch(champion, Told(), 0.01)
    watch.tell()
    assert watch.metrics.versions.pop() == "7"
    return watch


def version(watch: Watch) -> str:
    return watch.champion.predictor().version


def test_a_new_champion_is_taken(watch, home, predictor):
    watch.look()
    assert watch.metrics.versions == []
    before = watch.champion.predictor()
    put(replace(predictor, version="8"), home, "v2")
    watch.look()
    assert version(watch) == "8"
    assert watch.metrics.versions == ["8"]
    assert before.version == "7"
    (home / "models" / "nearmetal" / "latest").write_text("v1")
    watch.look()
    assert version(watch) == "7"


def test_a_champion_that_a_request_found_is_told_of(home):
    champion = Champion()
    (home / "models" / "nearmetal" / "latest").rename(home / "away")
    watch = Watch(champion, Told(), 0.01)
    for _ in range(3):
        watch.look()
    (home / "away").rename(home / "models" / "nearmetal" / "latest")
    assert champion.is_ready()
    watch.look()
    watch.look()
    assert (watch.metrics.versions, watch.metrics.failures) == (["7"], 0)


def test_a_champion_written_over_is_taken(watch, home, predictor):
    put(replace(predictor, version="8"), home, "v1")
    watch.look()
    assert version(watch) == "8"


def test_a_damaged_champion_is_refused_told_and_counted_once(watch, home, predictor, caplog):
    folder = put(replace(predictor, version="8"), home, "v2")
    arrays = folder / ARRAYS
    whole = arrays.read_bytes()
    arrays.write_bytes(whole[:-7])
    watch.look()
    assert watch.metrics.failures == 0, "one look may have met a store that is being written"
    for _ in range(3):
        watch.look()
    assert watch.metrics.failures == 1
    assert version(watch) == "7"
    [line] = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert "model 7 goes on" in line.getMessage()
    arrays.write_bytes(whole)
    watch.look()
    assert version(watch) == "8"


def test_a_store_that_is_gone_leaves_the_champion(watch, home):
    shutil.rmtree(home)
    for _ in range(3):
        watch.look()
    assert version(watch) == "7"
    assert watch.metrics.failures == 1


def test_a_worker_that_starts_anew_takes_the_one_before(watch, home, predictor):
    folder = put(replace(predictor, version="8"), home, "v2")
    (folder / ARRAYS).write_bytes(b"")
    watch.champion.forget()
    assert version(watch) == "7"
    for _ in range(2):
        watch.look()
    assert watch.metrics.failures == 1
    (home / "models" / "nearmetal" / "v1" / ARRAYS).write_bytes(b"")
    watch.champion.forget()
    with pytest.raises(ModelUnavailable):
        watch.champion.predictor()


def test_what_was_refused_is_not_read_again(home, monkeypatch):
    from serving import store

    (home / "models" / "nearmetal" / "v1" / ARRAYS).write_bytes(b"")
    read = []
    monkeypatch.setattr(store, "load_predictor", lambda folder: read.append(folder) or _refuse())
    champion = Champion()
    for _ in range(5):
        assert not champion.is_ready()
    assert len(read) == 1


def _refuse():
    raise ModelUnavailable("damaged")


def test_the_thread_looks_until_it_is_stopped(watch, home, predictor):
    watch.start()
    put(replace(predictor, version="8"), home, "v2")
    for _ in range(500):
        if version(watch) == "8":
            break
        watch._stop.wait(0.01)
    watch.stop()
    watch._thread.join(5)
    assert (version(watch), watch._thread.is_alive()) == ("8", False)


@pytest.mark.parametrize(
    ("given", "period"), [("", PERIOD_S), ("0", 0), ("2.5", 2.5), ("-1", PERIOD_S), ("x", PERIOD_S)]
)
def test_the_period_is_the_environments(monkeypatch, given, period):
    monkeypatch.setenv("NEARMETAL_RELOAD_S", given)
    assert period_of_environment() == period
