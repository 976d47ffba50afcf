"""The layers around the routes: what they let go, what they count, what stays of BentoML's."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar

import anyio
import pytest
from _bentoml_impl.server.app import ContextMiddleware
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.context import ServiceContext
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from bentoml._internal.server.http.traffic import MaxConcurrencyMiddleware, TimeoutMiddleware
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware

from serving.layers import Deadline, EndpointContext, TrafficMetrics, lighten

WEB = {"runtime": "gvisor", "workload": "web", "cores": 8}


class Held:
    """Something that a request holds, in its scope and in its context."""


HELD: ContextVar[Held] = ContextVar("HELD")


async def _answer(scope, receive, send):  # noqa: ARG001
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"late"})


def _ask(app) -> tuple[list[dict], bool]:
    """What an application sends, and whether all that the request held is free right after."""
    sent: list[dict] = []

    async def send(message):
        sent.append(message)

    async def request(held: Held) -> None:
        HELD.set(held)
        await app({"type": "http", "method": "GET", "held": held}, None, send)

    async def ask() -> bool:
        held = Held()
        gone = weakref.ref(held)
        await asyncio.create_task(request(held))
        del held
        await asyncio.sleep(0.01)  # the loop closes what was cancelled
        return gone() is None

    gc.disable()
    try:
        return sent, anyio.run(ask, backend_options={"use_uvloop": True})
    finally:
        gc.enable()


def test_an_answered_request_holds_nothing():
    sent, free = _ask(Deadline(_answer, 60))
    assert [m["type"] for m in sent] == ["http.response.start", "http.response.body"]
    assert free
    # Why BentoML's own is not used; when it lets go as well, it can be again.
    assert not _ask(TimeoutMiddleware(_answer, 60))[1]


def test_no_answer_in_time_is_504():
    async def slow(*_):
        await anyio.sleep(20)

    sent, _ = _ask(Deadline(slow, 0.02))
    assert (sent[0]["status"], len(sent)) == (504, 2)


def test_an_answer_that_has_begun_may_take_longer():
    async def begun(scope, receive, send):  # noqa: ARG001
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await anyio.sleep(0.06)
        await send({"type": "http.response.body", "body": b"late"})

    sent, _ = _ask(Deadline(begun, 0.02))
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"late")


def test_a_timeout_inside_is_not_the_deadline():
    async def broken(*_):
        raise TimeoutError("of something else")

    with pytest.raises(TimeoutError, match="something else"):
        _ask(Deadline(broken, 60))


def _layers(app: Starlette) -> list:
    return [layer.cls for layer in app.user_middleware]


def _assembled() -> Starlette:
    return Starlette(
        middleware=[
            Middleware(RunnerTrafficMetricsMiddleware, namespace="x"),
            Middleware(OpenTelemetryMiddleware, tracer_provider=None),
            Middleware(TimeoutMiddleware, timeout=3),
            Middleware(MaxConcurrencyMiddleware, max_concurrency=4),
            Middleware(ContextMiddleware, context=None),
        ]
    )


def test_layers_keep_their_order_and_their_settings():
    app = lighten(_assembled(), [])
    assert _layers(app) == [TrafficMetrics, Deadline, MaxConcurrencyMiddleware, EndpointContext]
    kwargs = [layer.kwargs for layer in app.user_middleware]
    assert kwargs[:3] == [{"namespace": "x"}, {"timeout": 3}, {"max_concurrency": 4}]
    assert kwargs[3] == {"context": None, "endpoints": frozenset()}


def test_the_context_is_there_for_the_endpoints_that_can_read_it():
    context, seen = ServiceContext(), {}

    async def look(scope, *_):
        try:
            seen[scope["path"]] = context.request.url.path
        except LookupError:
            seen[scope["path"]] = None

    layer = EndpointContext(look, context, frozenset({"/noop"}))
    for path in ("/noop", "/predict"):
        scope = {"type": "http", "method": "GET", "path": path, "headers": [], "server": ("x", 80)}
        anyio.run(layer, scope, None, None)
    assert seen == {"/noop": "/noop", "/predict": None}


def test_tracing_stays_where_someone_takes_the_traces(running, monkeypatch):  # noqa: ARG001
    monkeypatch.setitem(BentoMLContainer.config.get()["tracing"], "exporter_type", "otlp")
    assert OpenTelemetryMiddleware in _layers(lighten(_assembled(), []))


def test_the_service_has_the_light_layers(running):
    app = running.app
    while not isinstance(app, Starlette):
        app = app.app
    assert {TrafficMetrics, Deadline, EndpointContext} <= set(_layers(app))
    assert not {TimeoutMiddleware, OpenTelemetryMiddleware, ContextMiddleware} & set(_layers(app))


def test_every_request_is_counted_by_its_status(client):
    def counted(status: int) -> tuple[float, float]:
        series = {}
        for line in client.get("/metrics").text.splitlines():
            if 'endpoint="/suggest"' in line and f'code="{status}"' in line:
                name, value = line.split("{")[0], float(line.rsplit(" ", 1)[1])
                series[name] = value
        prefix = "bentoml_service_request_"
        return (
            series.get(f"{prefix}total", 0.0),
            series.get(f"{prefix}duration_seconds_count", 0.0),
        )

    before = counted(422), counted(405)
    for _ in range(3):
        client.post("/suggest", json={})
    client.get("/suggest")
    assert counted(422) == tuple(value + 3 for value in before[0])
    assert counted(405) == tuple(value + 1 for value in before[1])
