"""BentoML's layers around the routes, each kept, made cheaper, or left out when it has no effect.

BentoML has no setting for these; what it assembles is a Starlette application, whose list of
layers is edited before the first request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

from _bentoml_impl.server.app import ContextMiddleware
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.server.http.instruments import RunnerTrafficMetricsMiddleware
from bentoml._internal.server.http.traffic import TimeoutMiddleware
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware

from serving.errorshape import App, Message, Receive, Send
from serving.problems import document_for_status, json_bytes


def lighten(app: Starlette, endpoints: Collection[str]) -> Starlette:
    """The application with lighter layers, in BentoML's order.

    BentoML's tracing stays where the user has set an exporter that takes the traces, its request
    context where `endpoints`, the paths of its own that can read it, are asked.
    """
    kept = app.user_middleware
    if not BentoMLContainer.tracing.exporter_type.get():
        kept = [layer for layer in kept if layer.cls is not OpenTelemetryMiddleware]
    lighter: dict[Any, Any] = {
        TimeoutMiddleware: Deadline,
        RunnerTrafficMetricsMiddleware: TrafficMetrics,
        ContextMiddleware: EndpointContext,
    }
    app.user_middleware = [
        Middleware(lighter.get(layer.cls, layer.cls), *layer.args, **layer.kwargs) for layer in kept
    ]
    for layer in app.user_middleware:
        if layer.cls is EndpointContext:
            layer.kwargs["endpoints"] = frozenset(endpoints)
    return app


class Deadline:
    """ASGI layer that answers 504 when nothing has been answered in `timeout` seconds.

    In place of BentoML's, whose timer lives for the whole timeout after each request and holds
    all that the request held: the heap grows with the rate, and collecting it stops the loop.
    """

    def __init__(self, app: App, timeout: float) -> None:
        self.app = app
        self.timeout = timeout

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        deadline = asyncio.timeout(self.timeout)

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                deadline.reschedule(None)
            await send(message)

        try:
            async with deadline:
                await self.app(scope, receive, answered)
        except TimeoutError:
            if not deadline.expired():
                raise
            body = json_bytes(document_for_status(504))
            await send({"type": "http.response.start", "status": 504, "headers": []})
            await send({"type": "http.response.body", "body": body})


class EndpointContext(ContextMiddleware):
    """BentoML's request context for BentoML's own endpoints; a mounted route never reads it."""

    def __init__(self, app: Any, context: Any, endpoints: Collection[str]) -> None:
        super().__init__(app, context)
        self.endpoints = endpoints

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] not in self.endpoints:
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class TrafficMetrics(RunnerTrafficMetricsMiddleware):
    """BentoML's own series, each looked up by its labels once."""

    def _setup(self, *args: Any, **kwargs: Any) -> None:
        super()._setup(*args, **kwargs)
        for name, metric in list(vars(self).items()):
            if hasattr(metric, "labels"):
                setattr(self, name, _Remembered(metric))


class _Remembered:
    """A metric whose series are kept by their labels; Prometheus keeps them for good as well."""

    def __init__(self, metric: Any) -> None:
        self._metric = metric
        self._series: dict[tuple[tuple[str, Any], ...], Any] = {}

    def labels(self, **labels: Any) -> Any:
        """The series of these labels."""
        key = tuple(labels.items())
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = self._metric.labels(**labels)
        return series
