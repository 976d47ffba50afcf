"""What the service writes: text or JSON by the line, each with the id of the request it is of."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from serving.errorshape import App, Message, Receive, Send

FORM, ACCESS = "NEARMETAL_LOG", "NEARMETAL_ACCESS_LOG"
HEADER = b"x-request-id"

# The id of the request that is being answered.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

logger = logging.getLogger("nearmetal.access")

_GOOD_ID = re.compile(rb"[A-Za-z0-9._:+/=-]{1,64}")
# Who writes in a worker and in the process that holds the workers.
_WRITERS = (None, "bentoml", "uvicorn.error", "circus")


class JsonLines(logging.Formatter):
    """A record as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        identity = request_id.get()
        if identity is not None:
            said["request_id"] = identity
        said |= getattr(record, "request", {})
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """A record as text, the id of its request at the end."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s [%(levelname)s] [%(name)s] %(message)s", "%Y-%m-%dT%H:%M:%S%z"
        )

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line, without a traceback."""
        identity = request_id.get()
        said = super().formatMessage(record)
        return said if identity is None else f"{said} ({identity})"


def configure() -> None:
    """Give the handlers that BentoML has set up the form that the environment names.

    `NEARMETAL_LOG` is text (the default) or json. Handlers that others have made stay as they are.
    """
    form = os.environ.get(FORM, "").strip().lower() or "text"
    made = JsonLines() if form == "json" else TextLines()
    for name in _WRITERS:
        for handler in logging.getLogger(name).handlers:
            if type(handler) is logging.StreamHandler:
                handler.setFormatter(made)
    logging.getLogger("nearmetal").setLevel(logging.INFO)
    if form not in ("text", "json"):
        logger.warning("%s is text or json, not %r", FORM, form[:40])


def wants_access_log() -> bool:
    """Whether each request is to be written down: `NEARMETAL_ACCESS_LOG`, off unless asked."""
    return os.environ.get(ACCESS, "").strip().lower() in ("1", "true", "yes", "on")


class RequestLog:
    """ASGI layer that names each request, by the id it brings or a new one, and tells it back."""

    def __init__(self, app: App, access_log: bool = False) -> None:
        self.app = app
        self.access_log = access_log

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        identity = _identity(scope)
        request_id.set(identity)
        header = (HEADER, identity.encode())
        began, status = time.perf_counter(), 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        try:
            await self.app(scope, receive, named)
        finally:
            if self.access_log:
                _write(scope, status, time.perf_counter() - began)


def _identity(scope: Message) -> str:
    for name, value in scope["headers"]:
        if name == HEADER and _GOOD_ID.fullmatch(value):
            return str(value, "ascii")
    return os.urandom(8).hex()


def _write(scope: Message, status: int, seconds: float) -> None:
    client = scope.get("client")
    method, path, took = scope["method"], scope["path"], round(seconds * 1000, 3)
    told = {"method": method, "path": path, "status": status, "duration_ms": took}
    told["client"] = client[0] if client else None
    logger.info("%s %r %d %.3f ms", method, path, status, took, extra={"request": told})
