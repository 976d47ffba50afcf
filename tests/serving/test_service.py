"""The service in process: answers, and one shape for every failure."""

from __future__ import annotations

import json

import anyio
import pytest

from features.vocabulary import vocabulary
from serving import answers
from serving.errorshape import OneErrorShape
from serving.intake import MAX_BYTES
from serving.layers import Deadline
from tests.serving.conftest import TestClient, put

WEB = {"runtime": "gvisor", "workload": "web", "cores": 8}
JSON = {"content-type": "application/json"}


def failure(response, status: int, code: str) -> dict:
    """The error of a response, its shape checked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert int(response.headers["content-length"]) == len(response.content)
    document = response.json()
    assert document.keys() == {"error"}
    error = document["error"]
    assert error.keys() == {"code", "message", "details"}
    assert error["code"] == code
    assert error["message"]
    assert all(d.keys() == {"field", "message"} for d in error["details"])
    assert "Traceback" not in response.text
    return error


def test_predict_answers_the_document_of_the_design(client):
    response = client.post("/predict", json={**WEB, "native_value": 12000.0, "unit": "requests/s"})
    assert response.status_code == 200
    record = response.json()
    wanted = (
        "retained interval level parts residual_factor resources value unit novelty evidence model "
        "instance"
    )
    assert set(wanted.split()) <= record.keys()
    assert record["interval"][0] <= record["retained"] <= record["interval"][1]
    assert record["model"]["version"] == "7"


def test_an_instance_is_predicted_in_its_own_units(client):
    asked = {"runtime": "vm", "workload": "web", "memory_gb": 64}
    plain = client.post("/predict", json=asked).json()["instance"]
    options = {"balloon": "heavy", "ksm": "on"}
    tight = client.post("/predict", json={**asked, "mechanisms": options}).json()["instance"]
    assert plain.keys() == {"start_ms", "memory_mb", "density_per_host"}
    for record in plain.values():
        assert record["interval"][0] < record["value"] < record["interval"][1]
    assert plain["memory_mb"] == tight["memory_mb"]
    assert tight["start_ms"]["value"] > plain["start_ms"]["value"]
    assert tight["density_per_host"]["value"] > 2 * plain["density_per_host"]["value"]
    assert plain["density_per_host"]["host_gb"] == 64
    assert plain["start_ms"]["measured"] is None
    instance = client.get("/docs.json").json()["components"]["schemas"]["Instance"]
    assert set(instance["required"]) == set(plain)


def test_predict_answers_a_list_with_a_list(client):
    response = client.post("/predict", json=[WEB, {**WEB, "runtime": "vm"}])
    assert [r["level"] for r in response.json()] == [0.9, 0.9]
    assert client.post("/predict", json=[]).json() == []


def test_compare_answers_best_first(client):
    document = client.post(
        "/compare", json={"workload": "web", "runtimes": ["gvisor", "vm"]}
    ).json()
    assert document["scenario"] == {"workload": "web"}
    assert [p["runtime"] for p in document["predictions"]] == ["vm", "gvisor"]


def test_compare_answers_for_every_runtime(client):
    document = client.post("/compare", json={"workload": "web"}).json()
    assert {p["runtime"] for p in document["predictions"]} == set(vocabulary().runtimes)


def test_model_is_the_card(client):
    assert client.get("/model").json() == {"name": "nearmetal", "version": "7"}


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_probes_answer(client, path):
    assert client.get(path).status_code == 200


def test_metrics_count_requests(client):
    client.post("/predict", json=WEB)
    response = client.get("/metrics")
    assert response.status_code == 200
    assert 'endpoint="/predict"' in response.text


def test_the_front_page_loads_nothing_from_elsewhere(client):
    response = client.get("/")
    assert "/predict" in response.json()["paths"]


def test_docs_describe_every_route(client):
    document = client.get("/docs.json").json()
    assert {"/predict", "/compare", "/model", "/healthz", "/readyz"} <= document["paths"].keys()
    assert document["info"]["version"] == "7"
    assert (
        "gvisor"
        in document["components"]["schemas"]["PredictBody"]["properties"]["runtime"]["enum"]
    )
    text = json.dumps(document)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= document["components"]["schemas"].keys()


@pytest.mark.parametrize("path", ["/predict", "/compare", "/recommend", "/suggest"])
def test_the_examples_of_the_docs_work(client, path):
    content = client.get("/docs.json").json()["paths"][path]["post"]["requestBody"]["content"]
    assert client.post(path, json=content["application/json"]["example"]).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"runtime": "vm",}',
        b'{"runtime": "vm", "workload": "web", "cores": NaN}',
        b'{"runtime": "vm", "workload": "web", "cores": Infinity}',
        b'{"runtime": "vm", "workload": "web", "cores": -Infinity}',
        b'{"runtime": "vm", "runtime": "vm"}',
        b'{"cores": ' + b"1" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 3000 + b"]" * 3000,
        b'"\xff\xfe"',
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_body_that_is_no_json_is_400(client, body):
    for path in ("/predict", "/compare"):
        failure(client.post(path, content=body, headers=JSON), 400, "invalid_json")


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"3",
        b"{}",
        b'{"runtime": "vm", "workload": "web", "cores": 1e999}',
        b'{"runtime": "vm", "workload": "web", "cores": 1' + b"0" * 400 + b"}",
        b'{"runtime": "\\ud800", "workload": "web"}',
        b'{"\\ud800": 1}',
        b'{"runtime": "vm", "workload": "web", "demands": {"cpu": 0.5}}',
        b'{"runtime": "vm", "workload": "web", "observations": [{}]}',
        b"[{}]",
    ],
    ids=lambda body: repr(body[:60]),
)
def test_json_that_is_no_scenario_is_422(client, body):
    error = failure(client.post("/predict", content=body, headers=JSON), 422, "invalid_input")
    assert error["details"]


def test_a_wrong_name_is_answered_with_the_near_ones(client):
    error = failure(client.post("/predict", json={**WEB, "runtime": "gvisr"}), 422, "invalid_input")
    assert error["details"] == [
        {"field": "runtime", "message": "unknown runtime 'gvisr'; did you mean gvisor?"}
    ]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
def test_another_content_type_is_415(client, kind):
    response = client.post("/predict", content=b"{}", headers={"content-type": kind})
    failure(response, 415, "unsupported_media_type")


def test_pickle_is_refused(client):
    kind = "application/vnd.bentoml+pickle"
    response = client.post("/predict", content=b"\x80\x04N.", headers={"content-type": kind})
    failure(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.x+json"])
def test_json_by_another_name_is_read(client, kind):
    response = client.post(
        "/predict", content=json.dumps(WEB).encode(), headers={"content-type": kind}
    )
    assert response.status_code == 200


def test_a_body_without_an_end_is_413(client):
    failure(client.post("/predict", content=b" " * (MAX_BYTES + 1), headers=JSON), 413, "too_large")
    endless = (b" " * 65536 for _ in range(MAX_BYTES // 65536 + 2))
    failure(client.post("/predict", content=endless, headers=JSON), 413, "too_large")


def test_a_list_without_an_end_is_422(client):
    error = failure(client.post("/predict", json=[{}] * 10_001), 422, "invalid_input")
    assert "at most 10000" in error["message"]


@pytest.mark.parametrize("path", ["/nope", "/predict/more", "/nope/", "/%00", "/..%2f"])
def test_a_path_that_is_not_there_is_404(client, path):
    failure(client.get(path), 404, "not_found")


def test_paths_that_are_not_there_add_no_series(client):
    for place in range(5):
        assert client.get(f"/stray{place}").status_code == 404
        assert client.post(f"/predict/stray{place}", json=WEB).status_code == 404
    assert "stray" not in client.get("/metrics").text
    assert client.post("/predict/", json=WEB).status_code == 200


@pytest.mark.parametrize("field", ["mechanisms", "demands"])
@pytest.mark.parametrize("path", ["/predict", "/compare"])
def test_a_refusal_is_not_larger_than_what_was_asked(client, path, field):
    many = {f"word{i}": "x" if field == "mechanisms" else 1.0 for i in range(5000)}
    document = {"workload": "web", field: many}
    if path == "/predict":
        document["runtime"] = "vm"
    response = client.post(path, json=document)
    assert "at most 100" in failure(response, 422, "invalid_input")["message"]
    assert len(response.content) < 1000


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/predict"), ("PUT", "/compare"), ("POST", "/model"), ("DELETE", "/healthz")],
)
def test_a_method_that_is_not_taken_is_405(client, method, path):
    response = client.request(method, path)
    failure(response, 405, "method_not_allowed")
    assert response.headers["allow"]


def test_the_head_of_a_failure_has_no_body(client):
    response = client.head("/nope")
    assert (response.status_code, response.content) == (404, b"")


def test_a_fault_inside_is_500_and_tells_nothing(client, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("secret place")

    monkeypatch.setattr(answers, "_with_value", broken)
    error = failure(client.post("/predict", json=WEB), 500, "internal")
    assert "secret" not in error["message"]
    assert "secret place" in caplog.text


def test_a_fault_that_is_no_number_is_500(client, monkeypatch):
    monkeypatch.setattr(answers, "_with_value", lambda *_: {"retained": float("nan")})
    failure(client.post("/predict", json=WEB), 500, "internal")


def test_foreign_failures_leave_in_our_shape(running):  # noqa: ARG001
    from bentoml._internal.server.http.traffic import MaxConcurrencyMiddleware

    async def slow(*_):
        await anyio.sleep(1)

    late = TestClient(OneErrorShape(Deadline(slow, 0.05)))
    failure(late.post("/predict", json=WEB), 504, "timeout")
    full = TestClient(OneErrorShape(MaxConcurrencyMiddleware(slow, 0)))
    failure(full.post("/predict", json=WEB), 429, "too_many_requests")


def test_without_a_model_the_service_lives_and_is_not_ready(client_without_model):
    client = client_without_model
    assert client.get("/healthz").status_code == 200
    failure(client.get("/readyz"), 503, "model_unavailable")
    for response in (
        client.post("/predict", json=WEB),
        client.post("/compare", json={"workload": "web"}),
        client.get("/model"),
    ):
        error = failure(response, 503, "model_unavailable")
        assert "nearmetal train" in error["message"]
    failure(client.post("/predict", json={}), 422, "invalid_input")
    assert client.get("/docs.json").json()["info"]["version"] == "none"


def test_a_model_that_comes_later_makes_it_ready(client_without_model, empty_home, predictor):
    assert client_without_model.get("/readyz").status_code == 503
    put(predictor, empty_home)
    assert client_without_model.get("/readyz").status_code == 200
    assert client_without_model.post("/predict", json=WEB).status_code == 200
