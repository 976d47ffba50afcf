"""The first door: documents become questions, and each wrong field is named."""

from __future__ import annotations

import pytest

from features.errors import InvalidInput
from features.vocabulary import vocabulary
from serving.schema import MAX_SCENARIOS, parse_compare, parse_predict

GOOD = {"runtime": "gvisor", "workload": "web"}


def problems_of(parse, document) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse(document)
    return {p.field: p.message for p in caught.value.problems}


def test_a_whole_scenario_is_read():
    document = {
        **GOOD,
        "cores": 8,
        "memory_gb": 32,
        "network_gbps": 10,
        "storage_iops": 200000,
        "mechanisms": {"page_size": "2m"},
        "demands": {"calls": 3},
        "level": 0.95,
        "native_value": 12000.0,
        "unit": "requests/s",
        "native_cores": 8,
    }
    (question,) = parse_predict(document)
    assert question.scenario.as_dict() == {k: document[k] for k in list(document)[:8]}
    assert question.level == 0.95
    assert (question.native.value, question.native.unit) == (12000.0, "requests/s")


def test_demands_may_stand_in_place_of_a_workload():
    (question,) = parse_predict({"runtime": "vm", "demands": {"cpu": 0.5, "memory": 0.5}})
    assert question.scenario.family == "own"


def test_null_is_unknown():
    (question,) = parse_predict({**GOOD, "cores": None})
    assert question.scenario.cores is None


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"runtime": "gvisr"}, "runtime", "did you mean gvisor?"),
        ({"runtime": None}, "runtime", "a text is needed, not null"),
        ({"runtime": ["vm"]}, "runtime", "a text is needed, not a list"),
        ({"workload": "databse"}, "workload", "did you mean database"),
        ({"cors": 8}, "cors", "did you mean cores"),
        ({"cores": "8"}, "cores", "a number is needed, not a text"),
        ({"cores": True}, "cores", "a number is needed, not a truth value"),
        ({"cores": 0}, "cores", "must be 1 to 4096"),
        ({"cores": float("inf")}, "cores", "must be finite"),
        ({"cores": float("nan")}, "cores", "must be finite"),
        ({"cores": 10**400}, "cores", "is too large"),
        ({"storage_iops": 1e300}, "storage_iops", "must be 10 to 1e+08"),
        ({"mechanisms": {"page_siz": "2m"}}, "mechanisms.page_siz", "did you mean page_size?"),
        ({"mechanisms": {"page_size": "1g"}}, "mechanisms.page_size", "gvisor cannot have"),
        ({"mechanisms": {"page_size": 2}}, "mechanisms.page_size", "a text is needed"),
        ({"mechanisms": ["page_size"]}, "mechanisms", "a JSON object is needed, not a list"),
        ({"demands": {"call": 1}}, "demands.call", "did you mean calls"),
        ({"demands": {"cpu": 0.5}}, "demands", "sum to 0.5, not 1"),
        ({"page_size": "2m"}, "page_size", "goes into mechanisms"),
        ({"calls": 3}, "calls", "goes into demands"),
        ({"level": 0.5}, "level", "must be above 0.5 and at most 0.99"),
        ({"level": 0.995}, "level", "must be above 0.5 and at most 0.99"),
        ({"native_value": 3.0}, "unit", "is required with native_value"),
        ({"native_value": 0, "unit": "ms"}, "native_value", "must be above 0"),
        ({"native_value": 1e308, "unit": "ms"}, "native_value", "at most 1e+100"),
        ({"native_value": 1, "unit": " "}, "unit", "must be 1 to 40 characters"),
        ({"native_value": 1, "unit": "a\nb"}, "unit", "on one line"),
        ({"native_value": 1, "unit": "\x1b[31m"}, "unit", "on one line"),
        ({"unit": "ms"}, "unit", "means nothing without native_value"),
        ({"native_value": 1, "unit": "x/s", "native_cores": 4}, "cores", "is required"),
        (
            {"native_value": 1, "unit": "x/s", "native_cores": 4, "cores": 8, "scaling": "scald"},
            "scaling",
            "did you mean scaled?",
        ),
        ({"native_value": 1, "unit": "x/s", "scaling": "scaled"}, "scaling", "means nothing"),
        (
            {"native_value": 1, "unit": "x/s", "native_cores": 1e9, "cores": 8},
            "native_cores",
            "must be 1 to 4096",
        ),
        (
            {"native_value": 1, "unit": "ms", "native_cores": 4, "cores": 8},
            "native_cores",
            "cannot be scaled",
        ),
    ],
)
def test_a_wrong_field_is_named_and_told(change, field, said):
    problems = problems_of(parse_predict, {**GOOD, **change})
    assert said in problems.get(field, ""), problems


def test_all_wrong_fields_are_told_at_once():
    problems = problems_of(parse_predict, {"runtime": "vmm", "workload": "wb", "cores": -1})
    assert set(problems) == {"runtime", "workload", "cores"}


@pytest.mark.parametrize("document", [None, 3, "vm", True])
def test_a_document_of_another_kind_is_refused(document):
    assert "a JSON object is needed" in problems_of(parse_predict, document)["body"]


def test_a_list_names_the_place_of_what_is_wrong():
    problems = problems_of(parse_predict, [GOOD, {**GOOD, "cores": -1}, 4, {}])
    assert set(problems) == {"[1].cores", "[2]", "[3].runtime"}


def test_a_list_has_an_end():
    assert len(parse_predict([GOOD] * 3)) == 3
    problems = problems_of(parse_predict, [GOOD] * (MAX_SCENARIOS + 1))
    assert "at most 10000" in problems["body"]


def test_a_comparison_takes_every_runtime_unless_told():
    comparison = parse_compare({"workload": "web"})
    assert comparison.runtimes == tuple(vocabulary().runtimes)
    assert "native" in comparison.runtimes
    assert parse_compare({"workload": "web", "runtimes": ["vm", "vm"]}).runtimes == ("vm",)


def test_a_comparison_leaves_out_what_a_runtime_cannot_have():
    comparison = parse_compare({"workload": "web", "mechanisms": {"page_size": "1g"}})
    assert comparison.as_dict() == {"workload": "web", "mechanisms": {"page_size": "1g"}}
    assert comparison.under("vm")[0].mechanisms == {"page_size": "1g"}
    scenario, dropped = comparison.under("gvisor")
    assert scenario.mechanisms == {}
    assert dropped == {"page_size": "gvisor cannot have page_size=1g"}


@pytest.mark.parametrize(
    ("document", "field", "said"),
    [
        ({"workload": "web", "runtime": "vm"}, "runtime", "name several in runtimes"),
        ({"workload": "web", "runtimes": ["vmm"]}, "runtimes[0]", "did you mean vm?"),
        ({"workload": "web", "runtimes": []}, "runtimes", "is empty"),
        ({"workload": "web", "runtimes": "vm"}, "runtimes", "a list is needed"),
        ({"workload": "web", "mechanisms": {"page_size": "9k"}}, "mechanisms.page_size", "4k"),
        ({"workload": "web", "mechanisms": {"pages": "4k"}}, "mechanisms.pages", "page_size"),
        ({}, "workload", "is required"),
        ([], "body", "a JSON object is needed, not a list"),
    ],
)
def test_a_wrong_comparison_is_told(document, field, said):
    problems = problems_of(parse_compare, document)
    assert said in problems.get(field, ""), problems
