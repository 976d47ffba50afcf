"""What to measure: over HTTP, on the command line, and what is refused."""

from __future__ import annotations

import json

import pytest

from features.benchmarks import benchmarks
from features.errors import InvalidInput
from serving.suggest import parse_suggest
from tests.serving.test_cli import run, told

ASKED = {"runtime": "gvisor", "workload": "database.sql", "cores": 8}
FLAGS = ("--runtime", "gvisor", "--workload", "database.sql", "--cores", "8")


def test_candidates_are_what_can_be_measured_where_it_is_asked():
    search = parse_suggest({**ASKED, "mechanisms": {"page_size": "2m"}, "demands": {"calls": 9}})
    assert len(search.candidates) == len(benchmarks())
    assert {c.runtime for c in search.candidates} == {"gvisor"}
    assert {c.cores for c in search.candidates} == {8}
    assert all(c.mechanisms == {"page_size": "2m"} for c in search.candidates)
    own = {c.workload: c.demands for c in search.candidates}
    assert own["database.sql"] == {"calls": 9}
    assert own["cpu.int"] == {}
    elsewhere = parse_suggest({**ASKED, "measurable": ["wasm", "vm"]}).candidates
    assert {c.runtime for c in elsewhere} == {"wasm", "vm"}
    # Few tools come to WebAssembly, and what a runtime cannot have is left out for it.
    assert len(elsewhere) < 1.5 * len(benchmarks())


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"runtime": "native"}, "runtime", "keeps all by definition"),
        ({"runtime": "gvisr"}, "runtime", "did you mean gvisor?"),
        ({"count": 0}, "count", "must be 1 to 20"),
        ({"count": 1.5}, "count", "a whole number is needed"),
        ({"measurable": ["vmm"]}, "measurable[0]", "did you mean vm?"),
        ({"measurable": []}, "measurable", "is empty"),
        ({"measurable": ["native"]}, "measurable", "no benchmark runs on it"),
        ({"observations": [{}]}, "observations[0].runtime", "is required"),
        ({"native_value": 3.0, "unit": "s"}, "native_value", "means nothing"),
        ({"cont": 2}, "cont", "did you mean count"),
    ],
)
def test_a_wrong_wish_is_told(change, field, said):
    with pytest.raises(InvalidInput) as caught:
        parse_suggest({**ASKED, **change})
    problems = {p.field: p.message for p in caught.value.problems}
    assert said in problems.get(field, ""), problems


def test_the_service_ranks_and_plans(client):
    document = client.post("/suggest", json={**ASKED, "count": 3}).json()
    now = client.post("/predict", json=ASKED).json()
    assert document["interval"] == pytest.approx(now["interval"])
    assert document["scenario"] == ASKED
    ratios = [s["width_ratio"] for s in document["ranked"]]
    assert len(ratios) == 10
    assert ratios == sorted(ratios)
    assert document["ranked"][0]["scenario"]["workload"] == "database.sql"
    lines = document["ranked"][0]["benchmark"]
    assert lines["tool"] == "pgbench"
    assert lines["isolated"][0].startswith("docker run --rm --runtime runsc -p 5432:5432 IMAGE")
    assert lines["native"][1] == lines["isolated"][1]
    assert len({s["scenario"]["workload"] for s in document["plan"]}) == 3


def test_a_measurement_that_is_there_is_not_worth_itself_again(client):
    mine = [{"runtime": "gvisor", "workload": "database.sql", "cores": 8, "retained": 0.5}] * 9
    before = client.post("/suggest", json=ASKED).json()["ranked"][0]
    after = client.post("/suggest", json={**ASKED, "observations": mine}).json()
    again = {s["scenario"]["workload"]: s["width_ratio"] for s in after["ranked"]}
    assert again.get("database.sql", 1.0) > before["width_ratio"]


@pytest.mark.usefixtures("home")
def test_the_command_says_what_to_run_on_both_sides(tmp_path):
    text = run("suggest", *FLAGS, "--count", "2", "--measurable", "gvisor")
    assert "database.sql in gvisor with pgbench" in text
    assert "   native    postgres -D DATA -h 0.0.0.0" in text
    assert "   isolated  docker run --rm --runtime runsc -p 5432:5432 IMAGE postgres" in text
    assert "on both sides" in text
    path = tmp_path / "mine.csv"
    path.write_text("runtime,workload,cores,retained\ngvisor,database.sql,8,0.5\n")
    document = json.loads(run("suggest", *FLAGS, "--observations", str(path), "--json"))
    assert document["plan"][0] == document["ranked"][0]


def test_a_wrong_count_is_told_in_one_line():
    assert "count: a whole number is needed, not 'two'" in told("suggest", *FLAGS, "--count", "two")
    assert "count: must be 1 to 20" in told("suggest", *FLAGS, "--count", "21")
    assert "workload: is required" in told("suggest", "--runtime", "vm")
