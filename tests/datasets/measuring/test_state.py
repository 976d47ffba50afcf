"""What an interrupted run leaves: its rounds, for the same plan alone."""

from __future__ import annotations

import dataclasses
import errno
import os

import pytest

from datasets.measuring import suite
from datasets.measuring.catalog import BY_NAME
from datasets.measuring.conditions import machine
from datasets.measuring.plan import AGAIN, NATIVE, Plan, make_plan
from datasets.measuring.program import Built
from datasets.measuring.rounds import Round
from datasets.measuring.session import Answer
from datasets.measuring.state import forget_rounds, keep_rounds, load_rounds, state_file
from features.errors import InvalidInput, NotStored

PLAN = Plan((NATIVE, "runc", AGAIN), (BY_NAME["getppid"],), 5, 1.0, "one")
ROUND = Round({NATIVE: {"getppid": Answer(100.0, 9)}}, {"runc": "it has ended"}, {"steal": 0.1})


def test_rounds_come_back_as_they_were(tmp_path):
    output = tmp_path / "mine.csv"
    keep_rounds(output, PLAN, [ROUND, ROUND])
    assert load_rounds(output, PLAN) == [ROUND, ROUND]
    assert not output.exists()
    forget_rounds(output)
    assert list(tmp_path.iterdir()) == []


def test_another_plan_starts_anew(tmp_path):
    keep_rounds(tmp_path / "mine.csv", PLAN, [ROUND])
    assert load_rounds(tmp_path / "mine.csv", dataclasses.replace(PLAN, digest="two")) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": 1, "plan": "one", "rounds": [3]}'])
def test_a_damaged_state_starts_anew(tmp_path, text):
    state_file(tmp_path / "mine.csv").write_text(text)
    assert load_rounds(tmp_path / "mine.csv", PLAN) == []


def test_a_plan_is_told_apart_by_versions_and_choice(tmp_path):
    built = Built(tmp_path / "bench", "cc 1", None, "")

    def digest(versions, quick):
        here = machine()
        return make_plan(["runc"], versions, here, built, quick=quick, repetitions=None).digest

    assert digest({"runc": "1"}, True) == digest({"runc": "1"}, True)
    assert len({digest({"runc": v}, q) for v in ("1", "2") for q in (True, False)}) == 4


@pytest.mark.parametrize("repetitions", [0, 4, 201])
def test_too_few_repetitions_are_refused(tmp_path, repetitions):
    built = Built(tmp_path / "bench", "cc 1", None, "")
    with pytest.raises(InvalidInput, match="repetitions"):
        make_plan(["runc"], {}, machine(), built, quick=True, repetitions=repetitions)


def test_a_disk_that_is_full_is_told_in_a_line(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("features.files.tempfile.mkstemp", full)
    with pytest.raises(NotStored, match="mine.csv cannot be written: No space left"):
        suite.keep(tmp_path / "mine.csv", PLAN, [ROUND])


def test_an_output_that_is_no_file_is_refused_before_anything_is_measured(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InvalidInput, match="is not a regular file"):
        suite.measure(output=pipe, source="mine", say=print, progress=_none)
    assert list(tmp_path.iterdir()) == [pipe]


def _none(*_):
    raise AssertionError("nothing is to be measured")
