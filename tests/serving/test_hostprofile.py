"""Answers for a host whose own constants are known."""

from __future__ import annotations

import csv
import json

import pytest

from tests.hostprofiles import constant, host_profile
from tests.serving.test_cli import run, told

CALLS = ("--workload", "cpu.syscall", "--cores", "8", "--memory-gb", "32")
WORDS = (*CALLS, "--network-gbps", "10", "--storage-iops", "100000", "--json")


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "host.json"
    path.write_text(json.dumps(host_profile(constant("seccomp_ns", "cached", 40.0, "ns"))))
    return str(path)


def added_ns(document):
    """What a call of 100 ns takes more by the prior."""
    return 100.0 * (document["residual_factor"] / document["retained"] - 1.0)


@pytest.mark.usefixtures("home")
class TestAnswers:
    def test_the_prior_is_the_hosts_and_the_residual_stays_on_top(self, profile):
        ask = ("predict", "--runtime", "container", *WORDS)
        plain, own = json.loads(run(*ask)), json.loads(run(*ask, "--host-profile", profile))
        assert own["residual_factor"] == pytest.approx(plain["residual_factor"], rel=1e-6)
        assert added_ns(own) - added_ns(plain) == pytest.approx(38.0)
        [calls] = [part for part in own["parts"] if part["name"] == "system calls"]
        # The range is the measurement's, not the published one.
        assert calls["range"] == pytest.approx([100 / 148, 100 / 136], rel=0.02)
        [said] = [r for r in own["novelty"]["reasons"] if r.startswith("host profile")]
        assert "seccomp_ns.cached 40 ns (outside the published 1.7 to 6.7; here 36 to 48)" in said
        assert not any("host profile" in r for r in plain["novelty"]["reasons"])

    def test_a_comparison_says_where_nothing_of_the_host_bears(self, profile):
        document = json.loads(run("compare", *WORDS, "--host-profile", profile))
        said = {
            p["runtime"]: [r for r in p["novelty"]["reasons"] if "host profile" in r]
            for p in document["predictions"]
        }
        assert said["native"] == []
        assert said["vm"] == ["host profile: none of this host's constants bears on it"]
        assert "seccomp_ns.cached" in said["container"][0]

    def test_a_recommendation_is_for_the_host(self, profile):
        ask = ("recommend", "--runtime", "container", *WORDS)
        documents = [json.loads(run(*ask, *more)) for more in ((), ("--host-profile", profile))]
        plain, own = (document["ranked"][0] for document in documents)
        assert own["retained"] < 0.8 * plain["retained"]
        assert any("host profile" in reason for reason in own["novelty"]["reasons"])

    def test_own_measurements_are_of_that_host_too(self, profile, tmp_path):
        mine = tmp_path / "mine.csv"
        measured = {"runtime": "container", "workload": "cpu.syscall", "cores": 8, "retained": 0.7}
        with mine.open("w", newline="") as file:
            writer = csv.DictWriter(file, measured)
            writer.writeheader()
            writer.writerow(measured)
        ask = ("predict", "--runtime", "container", *WORDS, "--host-profile", profile)
        alone, known = json.loads(run(*ask)), json.loads(run(*ask, "--observations", str(mine)))
        assert abs(known["retained"] - 0.7) <= abs(alone["retained"] - 0.7)
        # The prior keeps .71 already: there is little left for the residual to say.
        assert known["residual_factor"] == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("command", ["predict", "compare", "recommend"])
def test_a_bad_file_is_told_before_a_model_is_asked(command, tmp_path):
    path = tmp_path / "host.json"
    path.write_text(json.dumps(host_profile(format=9)))
    words = ("--workload", "web", "--runtime", "vm")
    assert "of another format" in told(command, *words, "--host-profile", str(path))
