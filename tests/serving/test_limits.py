"""Whatever is sent, a refusal is short, and nothing long is compared, kept or told back."""

from __future__ import annotations

import json

import pytest

from tests.serving.test_service import JSON, WEB, failure

LONG = "a" * 2_000_000
MANY = {f"k{i}": 1.0 for i in range(10_001)}
HUNDREDS = {f"k{i}": 1.0 for i in range(101)}
WORDS = dict.fromkeys(HUNDREDS, "x")


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/predict", {"runtime": LONG}),
        ("/predict", {"workload": LONG}),
        ("/predict", {LONG: 1}),
        ("/predict", {"mechanisms": {"network_path": LONG}}),
        ("/predict", {"mechanisms": {LONG: "x"}}),
        ("/predict", {"demands": {LONG: 1.0}}),
        ("/predict", {"native_value": 1.0, "unit": LONG}),
        ("/predict", {"native_value": 1.0, "unit": "ms", "native_cores": 2, "scaling": LONG}),
        ("/predict", {"observations": [{"runtime": LONG, "workload": "web", "retained": 0.5}]}),
        (
            "/predict",
            {"observations": [{"runtime": "vm", "workload": "web", "retained": 0.5}] * 201},
        ),
        ("/predict", MANY),
        ("/compare", {"runtimes": [LONG]}),
        ("/compare", {"runtimes": ["vm"] * 101}),
        ("/recommend", {"isolation": LONG}),
        ("/recommend", {"tree": {LONG: "yes"}}),
        ("/recommend", {"tree": WORDS}),
        ("/recommend", {"relative_cost": {LONG: 1.0}}),
        ("/recommend", {"relative_cost": HUNDREDS}),
        ("/recommend", {"tco_usd": HUNDREDS}),
        ("/recommend", {"host_usd": HUNDREDS}),
        ("/suggest", {"measurable": [LONG]}),
        ("/suggest", {"measurable": ["vm"] * 101}),
        ("/suggest", {"count": 10**300}),
    ],
)
def test_what_is_too_long_is_a_short_422(client, path, fields):
    document = {**WEB, **fields}
    if path in ("/compare", "/recommend"):
        del document["runtime"]
    response = client.post(path, content=json.dumps(document).encode(), headers=JSON)
    failure(response, 422, "invalid_input")
    assert len(response.content) < 2000


@pytest.mark.parametrize(
    "entry",
    [
        {**WEB, "runtime": "x" * 150},
        {**WEB, "mechanisms": WORDS},
        {**WEB, "cores": -1},
        {"nothing": 1},
    ],
    ids=["runtime", "mechanisms", "cores", "unknown"],
)
def test_a_list_of_mistakes_is_told_in_part(client, entry):
    error = failure(client.post("/predict", json=[entry] * 5000), 422, "invalid_input")
    assert len(error["details"]) == 50
