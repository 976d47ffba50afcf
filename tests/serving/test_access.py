"""Who may ask, and what every answer tells the browser."""

from __future__ import annotations

import asyncio

import pytest

from serving import service
from serving.access import Access, is_open, key_of_environment
from serving.headers import SafeHeaders
from serving.openapi import describe
from tests.serving.conftest import TestClient
from tests.serving.test_service import WEB, failure

KEY = "correct horse battery staple \u00e9"


@pytest.fixture
def locked(client) -> TestClient:
    """The running service behind a key."""
    return TestClient(service.dress(client.app, KEY.encode()), raise_server_exceptions=False)


def bearer(key: str, scheme: str = "Bearer") -> dict[str, bytes]:
    return {"authorization": f"{scheme} {key}".encode()}


def test_the_key_opens(locked):
    for scheme in ("Bearer", "bearer"):
        assert locked.post("/predict", json=WEB, headers=bearer(KEY, scheme)).status_code == 200
    assert locked.get("/metrics", headers=bearer(KEY)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearer(""),
        bearer("wrong"),
        bearer(KEY[:-1]),
        bearer(KEY + "x"),
        bearer(KEY, "Basic"),
        {"authorization": KEY.encode()},
        {"authorization": b"\xff\xfe"},
        {"x-api-key": KEY.encode()},
        [("authorization", b"Bearer wrong"), ("authorization", f"Bearer {KEY}".encode())],
    ],
)
def test_without_the_key_nothing_is_told(locked, headers):
    for method, path in (
        ("POST", "/predict"), ("POST", "/compare"), ("POST", "/recommend"), ("POST", "/suggest"),
        ("GET", "/model"), ("GET", "/docs.json"), ("GET", "/metrics"), ("GET", "/"),
        ("GET", "/nope"), ("GET", "/explorerdata"), ("GET", "/healthz/../model"),
    ):  # fmt: skip
        response = locked.request(method, path, headers=headers)
        failure(response, 401, "unauthorized")
        assert response.headers["www-authenticate"].startswith('Bearer realm="nearmetal"')


def test_health_and_the_pages_files_are_open(locked):
    for path in ("/healthz", "/livez", "/readyz"):
        assert locked.get(path).status_code == 200
    assert locked.get("/explorer/").status_code != 401
    assert is_open("/explorer/page.js")
    assert not is_open("/explorer.json")


def test_a_socket_without_the_key_is_closed():
    told = []

    async def inner(*_):
        raise AssertionError("reached")

    async def send(message):
        told.append(message)

    scope = {"type": "websocket", "path": "/healthz", "headers": []}
    asyncio.run(Access(inner, b"key")(scope, None, send))
    assert told == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    ("given", "key"), [("", None), ("  \n", None), ("abc\n", b"abc"), ("\u00e9", b"\xc3\xa9")]
)
def test_the_key_is_the_environments(monkeypatch, given, key):
    monkeypatch.setenv("NEARMETAL_API_KEY", given)
    assert key_of_environment() == key


def test_the_description_names_the_key():
    base = {"paths": {"/healthz": {"get": {}}, "/metrics": {"get": {}}}}
    document = describe(base, "7", locked=True)
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{"key": []}]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert "security" not in document["paths"]["/metrics"]["get"]
    assert "401" in document["paths"]["/predict"]["post"]["responses"]
    assert describe(base, "7")["security"] == []


@pytest.mark.parametrize(("method", "path"), [("GET", "/model"), ("GET", "/nope"), ("PUT", "/")])
def test_every_answer_forbids_what_is_not_ours(client, method, path):
    headers = client.request(method, path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"


def test_the_page_may_load_what_is_ours_alone(client):
    headers = client.get("/explorer/").headers
    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"


def test_a_header_that_is_there_stands():
    async def page(_scope, _receive, send):
        headers = [(b"referrer-policy", b"same-origin")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    assert TestClient(SafeHeaders(page)).get("/").headers["referrer-policy"] == "same-origin"
