"""The outermost layer: errors that others answer in their own shapes leave in ours."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving.problems import document_for_status, json_bytes

logger = logging.getLogger("nearmetal.serving")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_REPLACED = (b"content-type", b"content-length")


class OneErrorShape:
    """ASGI layer that rewrites the body of a failure unless it is an error document already.

    Successful answers pass through untouched. What an inner layer said of a server error stays
    inside: its text may tell of the inside.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def shaped(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] >= 400:
                start = message
            elif start is None:
                await send(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send_failure(scope, start, bytes(body), send)

        await self.app(scope, receive, shaped)


class Caught:
    """ASGI layer that turns what the application raises into a 500 at once."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            if begun or scope["type"] != "http":
                raise
            logger.exception("request failed")
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b""})


async def _send_failure(scope: Message, start: Message, body: bytes, send: Send) -> None:
    if not _is_ours(body):
        body = json_bytes(document_for_status(start["status"]))
    headers = [(k, v) for k, v in start["headers"] if k.lower() not in _REPLACED]
    headers.append((b"content-type", b"application/json"))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({**start, "headers": headers})
    shown = b"" if scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": shown})


def _is_ours(body: bytes) -> bool:
    try:
        error = json.loads(body)["error"]
        return isinstance(error, dict) and error.keys() == {"code", "message", "details"}
    except (ValueError, TypeError, KeyError, RecursionError):
        return False
