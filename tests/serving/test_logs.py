"""The service's lines and the ids of requests in them."""

from __future__ import annotations

import io
import json
import logging

import pytest

from serving import answers, logs, service
from tests.serving.conftest import TestClient
from tests.serving.test_service import WEB


@pytest.fixture
def lines():
    """The lines of nearmetal's loggers, as JSON."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonLines())
    logger = logging.getLogger("nearmetal")
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logger.removeHandler(handler)


def test_an_id_is_kept_or_made(client):
    response = client.post("/predict", json=WEB, headers={"x-request-id": "abc-1"})
    assert response.headers["x-request-id"] == "abc-1"
    made = [client.get("/nope").headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    for bad in ("a b", "x" * 65, "\u00e9", '"'):
        asked = {"x-request-id": bad.encode()}
        assert len(client.get("/healthz", headers=asked).headers["x-request-id"]) == 16


def test_a_fault_is_written_with_its_id(client, monkeypatch, lines):
    def broken(*_):
        raise RuntimeError("a fault\nof two lines")

    monkeypatch.setattr(answers, "_with_value", broken)
    client.post("/predict", json=WEB, headers={"x-request-id": "abc-2"})
    [line] = lines()
    assert (line["level"], line["request_id"]) == ("error", "abc-2")
    assert "a fault" in line["exception"]
    assert line["time"].endswith("+00:00")


def test_requests_are_written_when_asked(client, monkeypatch, lines):
    client.get("/model")
    assert lines() == []
    monkeypatch.setenv("NEARMETAL_ACCESS_LOG", "1")
    asked = TestClient(service.dress(client.app, None), raise_server_exceptions=False)
    asked.get("/model?a=b", headers={"x-request-id": "abc-3"})
    asked.get("/no%0ape")
    known, unknown = lines()
    assert known["request_id"] == "abc-3"
    assert (known["method"], known["path"], known["status"]) == ("GET", "/model", 200)
    assert known["duration_ms"] > 0
    assert (unknown["path"], unknown["status"]) == ("/no\npe", 404)


def test_the_form_is_the_environments(monkeypatch):
    ours, theirs = logging.StreamHandler(), logging.NullHandler()
    root = logging.getLogger("bentoml")
    for handler in (ours, theirs):
        root.addHandler(handler)
    try:
        for form, kind in (("json", logs.JsonLines), ("text", logs.TextLines)):
            monkeypatch.setenv("NEARMETAL_LOG", form)
            logs.configure()
            assert isinstance(ours.formatter, kind)
            assert theirs.formatter is None
    finally:
        for handler in (ours, theirs):
            root.removeHandler(handler)


def test_text_shows_the_id():
    record = logging.LogRecord("nearmetal", logging.INFO, "", 0, "said %s", ("it",), None)
    token = logs.request_id.set("abc-4")
    try:
        assert logs.TextLines().format(record).endswith("[INFO] [nearmetal] said it (abc-4)")
    finally:
        logs.request_id.reset(token)
