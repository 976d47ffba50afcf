"""The real service of two workers goes on while things go wrong; in this order, the end last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving import faults


@pytest.fixture(scope="module")
def service(predictor, tmp_path_factory) -> Iterator[faults.Service]:
    with faults.running(predictor, tmp_path_factory.mktemp("faults")) as made:
        yield made


def answered(row: faults.Row) -> None:
    """Every request was, but those that the fault took with it."""
    assert row.unexcused == [], row.unexcused[:5]
    assert row.answered > 0


def test_a_champion_swapped_twenty_times(service, predictor):
    answered(faults.champion_swapped(service, predictor, times=20, pause_s=0.1))


def test_a_damaged_artifact(service, predictor):
    answered(faults.artifact_damaged(service, predictor))


def test_a_store_that_is_gone(service):
    answered(faults.store_gone(service))


def test_a_store_that_cannot_be_written(service):
    answered(faults.store_read_only(service, 0.5))


def test_a_disk_without_room(service):
    answered(faults.disk_full(service))


def test_a_killed_worker(service):
    row = faults.worker_killed(service, 0.6)
    answered(row)
    assert len(row.failed) <= 6, "no more than there are clients"


def test_the_end(service):
    row = faults.told_to_end(service)
    answered(row)
