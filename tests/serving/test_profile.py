"""A profile's file in place of a workload."""

from __future__ import annotations

import json

import pytest

from features.errors import InvalidInput
from serving.profile import read_demands
from tests.serving.test_cli import run, told

PROFILE = {"format": 1, "program": "p", "demands": {"op_us": 500.0, "file_calls": 40.0}}


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(PROFILE))
    return path


@pytest.mark.usefixtures("home")
class TestAnswers:
    def test_it_stands_for_the_workload(self, profile):
        words = ("--runtime", "gvisor", "--cores", "8", "--json")
        by_file = json.loads(run("predict", "--demands", str(profile), *words))
        by_flags = ("--with", "op_us=500", "--with", "file_calls=40")
        assert json.loads(run("predict", *by_flags, *words))["retained"] == by_file["retained"]

    def test_a_flag_goes_before_it(self, profile):
        words = ("compare", "--demands", str(profile), "--runtime", "gvisor", "--json")
        kept = [
            json.loads(run(*words, "--with", f"file_calls={n}"))["predictions"][0]["retained"]
            for n in (0, 400)
        ]
        assert kept[0] > kept[1]

    def test_it_is_recommended_for(self, profile, client):
        words = ("recommend", "--demands", str(profile), "--runtime", "gvisor", "--runtime", "vm")
        made = json.loads(run(*words, "--cores", "8", "--json"))
        asked = {"demands": PROFILE["demands"], "runtimes": ["gvisor", "vm"], "cores": 8}
        assert made == client.post("/recommend", json=asked).json()
        assert made["scenario"]["demands"] == PROFILE["demands"]
        assert "workload" not in made["scenario"]

    def test_it_is_told_what_to_measure_for(self, profile, client):
        words = ("suggest", "--demands", str(profile), "--runtime", "gvisor", "--cores", "8")
        made = json.loads(run(*words, "--json"))
        asked = {"demands": PROFILE["demands"], "runtime": "gvisor", "cores": 8}
        assert made == client.post("/suggest", json=asked).json()
        assert made["scenario"]["demands"] == PROFILE["demands"]
        # What is measured is a benchmark of a named workload, with that one's own demands.
        assert all("demands" not in entry["scenario"] for entry in made["ranked"])
        assert made["ranked"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[1]", "has no demands"),
        ('{"format": 9, "demands": {"op_us": 1}}', "another format"),
        ('{"demands": {"op_ms": 1}}', "did you mean op_us"),
        ('{"demands": {"op_us": -1}}', "must be 0.001"),
        ('{"demands": {"op_us": NaN}}', "a number is needed"),
        ('{"demands": {"op_us": "1"}}', "a number is needed"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_a_bad_file_is_told(text, said, tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(text)
    asked = ("--demands", str(path), "--runtime", "vm")
    for command in ("predict", "compare", "recommend", "suggest"):
        assert said in told(command, *asked)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidInput, match="No such file"):
        read_demands(tmp_path / "none.json")
