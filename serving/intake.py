"""The layer that takes a request's body in whole, before it costs anyone else a place.

A client that sends slowly would hold one of the service's places for as long as it likes; here it
holds a bounded piece of memory for a bounded time.
"""

from __future__ import annotations

import asyncio

from serving.errorshape import App, Message, Receive, Send
from serving.problems import document_for_status, error_document, json_bytes

MAX_BYTES = 8 * 1024 * 1024
MAX_BYTES_AT_ONCE = 128 * 1024 * 1024
BODY_S = 10.0

_TOO_LARGE = error_document(
    "too_large", f"the body is larger than {MAX_BYTES // 2**20} MiB: send fewer at once"
)


class WholeBody:
    """ASGI layer that hands on a request when its body is there.

    408 when the body is not there within `within_s` seconds, 413 when it is larger than MAX_BYTES,
    429 when the bodies that are on their way are together larger than MAX_BYTES_AT_ONCE.
    """

    def __init__(self, app: App, within_s: float = BODY_S) -> None:
        self.app = app
        self.within_s = within_s
        self._held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        declared = _declared(scope) if scope["type"] == "http" else 0
        if declared == 0:
            await self.app(scope, receive, send)
            return
        if declared is not None and declared > MAX_BYTES:
            await _refuse(send, 413)
            return
        taken = 0
        try:
            parts: list[bytes] = []
            async with asyncio.timeout(self.within_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    part = message.get("body", b"")
                    taken += len(part)
                    self._held += len(part)
                    if taken > MAX_BYTES:
                        await _refuse(send, 413)
                        return
                    if self._held > MAX_BYTES_AT_ONCE:
                        await _refuse(send, 429)
                        return
                    parts.append(part)
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            await _refuse(send, 408)
            return
        finally:
            self._held -= taken
        whole: Message = {"type": "http.request", "body": b"".join(parts), "more_body": False}
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return whole

        await self.app(scope, again, send)


def _declared(scope: Message) -> int | None:
    """The bytes that a request announces: 0 where it has no body, None where it does not say."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
        if name == b"transfer-encoding":
            return None
    return 0


async def _refuse(send: Send, status: int) -> None:
    """A refusal; whoever sends slowly loses the connection as well."""
    body = json_bytes(_TOO_LARGE if status == 413 else document_for_status(status))
    headers = [(b"content-type", b"application/json")]
    if status == 408:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
