"""Who may ask: with `NEARMETAL_API_KEY` set, all but health and the page's files wants the key."""

from __future__ import annotations

import hmac
import os

from serving.errorshape import App, Message, Receive, Send
from serving.page import is_page
from serving.problems import error_document, json_bytes

VARIABLE = "NEARMETAL_API_KEY"
HEALTH = frozenset({"/healthz", "/livez", "/readyz"})

_BODY = json_bytes(
    error_document("unauthorized", "this service wants the header Authorization: Bearer KEY")
)


def key_of_environment() -> bytes | None:
    """The key, without the white space that a file of secrets ends in; None when there is none."""
    return os.environ.get(VARIABLE, "").strip().encode() or None


def is_open(path: str) -> bool:
    """Whether a path is answered without the key: the page asks its user for it, and its files
    hold no data."""
    return path in HEALTH or is_page(path)


class Access:
    """ASGI layer that answers 401 to whoever does not bring the key.

    The comparison takes as long for a wrong key as for a nearly right one.
    """

    def __init__(self, app: App, key: bytes) -> None:
        self.app = app
        self.key = key

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan" or (kind == "http" and is_open(scope["path"])):
            await self.app(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) == 1 and self._is_key(given[0]):
            await self.app(scope, receive, send)
        elif kind == "http":
            challenge = b'Bearer realm="nearmetal"' + (b', error="invalid_token"' if given else b"")
            headers = [(b"www-authenticate", challenge), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": _BODY})
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _is_key(self, header: bytes) -> bool:
        scheme, _, given = header.partition(b" ")
        same = hmac.compare_digest(given.strip(), self.key)
        return same and scheme.lower() == b"bearer"
