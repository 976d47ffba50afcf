"""A caller's own measurements: in a request, in a file, and in the answer."""

from __future__ import annotations

import json

import pytest

from features.errors import InvalidInput
from serving.observations import MAX_OBSERVATIONS, read_observations
from serving.schema import MAX_RIGS, parse_compare, parse_predict
from tests.serving.test_cli import run, told

ASKED = {"runtime": "gvisor", "workload": "web", "cores": 8}
MINE = {"runtime": "gvisor", "workload": "database", "cores": 8, "retained": 0.4}


def observed(*rows):
    (question,) = parse_predict({**ASKED, "observations": list(rows)})
    return question.observations


def problems_of(*rows) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse_predict({**ASKED, "observations": list(rows)})
    return {p.field: p.message for p in caught.value.problems}


def test_an_observation_is_a_scenario_and_what_it_kept():
    [row] = observed({**MINE, "mechanisms": {"page_size": "2m"}, "spread": 0.05, "repeats": 3})
    assert row.scenario.as_dict()["mechanisms"] == {"page_size": "2m"}
    assert (row.retained, row.spread, row.repeats) == (0.4, 0.05, 3)
    assert parse_predict(ASKED)[0].observations == ()
    [also] = parse_compare({"workload": "web", "observations": [MINE]}).observations
    assert also.retained == 0.4


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ({"value": 50, "baseline_value": 200, "unit": "req/s"}, 0.25),
        ({"value": 200, "baseline_value": 50, "unit": "ms"}, 0.25),
        ({"value": 200.0, "baseline_value": 50.0, "unit": "us/op", "retained": 0.251}, 0.251),
        ({"retained": 0.3, "unit": "req/s", "value": 7}, 0.3),
    ],
)
def test_both_values_stand_in_place_of_what_was_kept(figures, kept):
    bare = {k: v for k, v in MINE.items() if k != "retained"}
    assert observed({**bare, **figures})[0].retained == pytest.approx(kept)


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"retained": 0}, "retained", "must be 0.0001 to 20, not 0"),
        ({"retained": 85}, "retained", "must be 0.0001 to 20"),
        ({"retained": "0.4"}, "retained", "a number is needed, not a text"),
        ({"retained": None}, "retained", "is required, or value, baseline_value and unit"),
        ({"retained": None, "value": 3}, "baseline_value", "is required with value"),
        (
            {"retained": None, "value": 3, "baseline_value": 0, "unit": "s"},
            "baseline_value",
            "abov",
        ),
        ({"retained": None, "value": 1e9, "baseline_value": 1, "unit": "x"}, "value", "keep 1e+09"),
        ({"value": 1, "baseline_value": 2, "unit": "ms"}, "retained", "0.4 disagrees"),
        ({"value": 1, "baseline_value": 2.5, "unit": "a\nb"}, "unit", "on one line"),
        ({"spread": -0.1}, "spread", "must be 0 to 10"),
        ({"repeats": 0}, "repeats", "a whole number from 1"),
        ({"repeats": 2.5}, "repeats", "a whole number is needed"),
        ({"runtime": "native"}, "runtime", "measure an isolated runtime"),
        ({"runtime": "gvisr"}, "runtime", "did you mean gvisor?"),
        ({"workload": None}, "workload", "is required"),
        ({"cores": -1}, "cores", "must be 1 to 4096"),
        ({"mechanisms": {"page_size": "1g"}}, "mechanisms.page_size", "gvisor cannot have"),
        ({"retaind": 1}, "retaind", "did you mean retained"),
        ({"level": 0.9}, "level", "unknown field"),
    ],
)
def test_a_wrong_observation_is_named_by_its_place(change, field, said):
    problems = problems_of(MINE, {**MINE, **change})
    assert said in problems.get(f"observations[1].{field}", ""), problems


def test_wrong_observations_are_told_beside_a_wrong_scenario():
    with pytest.raises(InvalidInput) as caught:
        parse_predict(
            {"runtime": "vmm", "workload": "web", "observations": [{**MINE, "spread": 99}]}
        )
    assert {p.field for p in caught.value.problems} == {"runtime", "observations[0].spread"}
    with pytest.raises(InvalidInput) as caught:
        parse_predict([ASKED, {**ASKED, "observations": [{**MINE, "spread": 99}]}])
    assert caught.value.problems[0].field == "[1].observations[0].spread"


def test_observations_have_an_end():
    assert len(observed(*[MINE] * MAX_OBSERVATIONS)) == MAX_OBSERVATIONS
    assert "at most 200" in problems_of(*[MINE] * (MAX_OBSERVATIONS + 1))["observations"]
    rigs = [{**ASKED, "observations": [{**MINE, "cores": 1 + i}]} for i in range(MAX_RIGS + 1)]
    with pytest.raises(InvalidInput, match="at most 50 different observations"):
        parse_predict(rigs)
    questions = parse_predict([{**ASKED, "observations": [MINE]}] * 1000)
    assert len({id(q.observations) for q in questions}) == 1


def test_the_service_answers_for_the_rig_and_keeps_nothing(client):
    plain = client.post("/predict", json=ASKED).json()
    mine = [{**MINE, "workload": "web", "retained": 0.3, "spread": 0.01, "repeats": 5}] * 3
    told = client.post("/predict", json={**ASKED, "observations": mine}).json()
    assert told["retained"] < plain["retained"]
    assert told["evidence"][0]["source"] == "observations"
    assert told["evidence"][0]["citation"] == "your measurement"
    assert told["evidence"][0]["without"] > 0
    assert "your 3 measurements carry" in told["novelty"]["reasons"][-1]
    assert told["model"] == plain["model"]
    both = client.post("/predict", json=[ASKED, {**ASKED, "observations": mine}]).json()
    assert both[0]["retained"] == pytest.approx(plain["retained"])
    assert both[1]["retained"] == pytest.approx(told["retained"])
    wish = {"workload": "web", "cores": 8, "runtimes": ["gvisor", "vm"]}
    compared = client.post("/compare", json={**wish, "observations": mine}).json()
    kept = {p["runtime"]: p["retained"] for p in compared["predictions"]}
    assert kept["gvisor"] == pytest.approx(told["retained"])
    ranked = client.post("/recommend", json={**wish, "observations": mine}).json()["ranked"]
    assert {r["runtime"]: r["retained"] for r in ranked} == pytest.approx(kept)


FLAGS = ("--runtime", "gvisor", "--workload", "web", "--cores", "8")


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "mine.csv"
        path.write_text(text)
        return path

    return write


@pytest.mark.usefixtures("home")
def test_a_file_of_measurements_is_what_a_request_holds(file, client):
    path = file(
        "id,source,origin,runtime,workload,cores,page_size,baseline_runtime,retained,value,"
        "baseline_value,unit,spread,repeats,metric,year\n"
        "a,me,measured,gvisor,web,8,,native,0.3,,,,0.01,5,rps,2026\n"
        ",,,gvisor,database,8,2m,,,10,40,req/s,,,,\n"
    )
    mine = [
        {"runtime": "gvisor", "workload": "web", "cores": 8, "retained": 0.3}
        | {"spread": 0.01, "repeats": 5},
        {"runtime": "gvisor", "workload": "database", "cores": 8, "mechanisms": {"page_size": "2m"}}
        | {"value": 10, "baseline_value": 40, "unit": "req/s"},
    ]
    made = json.loads(run("predict", *FLAGS, "--observations", str(path), "--json"))
    asked = client.post("/predict", json={**ASKED, "observations": mine}).json()
    assert made["retained"] == pytest.approx(asked["retained"])
    assert made["interval"] == pytest.approx(asked["interval"])
    text = run("predict", *FLAGS, "--observations", str(path))
    assert "your measurement" in text
    assert "without the first of them" in text
    compared = json.loads(
        run("compare", "--workload", "web", "--cores", "8", "--observations", str(path), "--json")
    )
    kept = {p["runtime"]: p["retained"] for p in compared["predictions"]}
    assert kept["gvisor"] == pytest.approx(made["retained"])
    wish = ("recommend", "--workload", "web", "--cores", "8", "--isolation", "medium", "--json")
    ranked = json.loads(run(*wish, "--observations", str(path)))
    body = {"workload": "web", "cores": 8, "isolation": "medium", "observations": mine}
    assert ranked == client.post("/recommend", json=body).json()
    found = {r["runtime"]: r["retained"] for r in ranked["ranked"]}
    assert found["gvisor"] == pytest.approx(made["retained"])
    assert ranked != json.loads(run(*wish))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "runtime,workload,retained\nvm,web,0.9\nvm,web,fast\n",
            "mine.csv: row 3, retained: a num",
        ),
        ("runtime,workload,retained\nvm,web,90\n", "mine.csv: row 2, retained: must be 0.0001 to"),
        ("runtime,workload,retained\n", "mine.csv has no rows"),
        ("runtime,workload,kept\nvm,web,0.9\n", "unknown column 'kept'"),
        ("runtime,workload,retained,level\nvm,web,0.9,0.9\n", "unknown column 'level'"),
        (
            "runtime,workload,retained,baseline_runtime\ngvisor,web,0.9,container\n",
            "row 2, baseline_runtime: must be native in an own measurement, not 'container'",
        ),
        ("runtime,workload,retained,origin\nvm,web,1,synthetic\n", "origin: must be measured"),
        ("runtime,workload,retained,repeats\nvm,web,1,2.5\n", "repeats: must be a whole number"),
        ("runtime,workload,retained\n" + "vm,web,1\n" * 1001, "has 1001 rows; at most 1000"),
    ],
)
def test_a_wrong_file_is_told_by_file_and_row(file, text, said):
    path = file(text)
    words = told("predict", *FLAGS, "--observations", str(path))
    assert said in words
    assert told("recommend", *FLAGS[2:], "--observations", str(path)) == words
    with pytest.raises(InvalidInput):
        read_observations(path)


def test_a_file_that_is_not_there_is_told_by_its_option():
    words = told("predict", *FLAGS, "--observations", "absent.csv")
    assert "observations: absent.csv" in words
    assert told("recommend", *FLAGS[2:], "--observations", "absent.csv") == words


def test_observations_are_of_a_scenario_and_not_of_the_tree_alone(file):
    path = file("runtime,workload,retained\nvm,web,0.9\n")
    tree = ("--tree", "extreme_performance=yes", "--tree", "hardware_binding=yes")
    assert "workload: is required" in told("recommend", *tree, "--observations", str(path))
