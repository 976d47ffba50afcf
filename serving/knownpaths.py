"""The layer before BentoML's metrics: a path that is not there is answered and counted nowhere.

BentoML labels its series by the raw path, so that each unknown path would add some for good.
"""

from __future__ import annotations

from collections.abc import Callable

from serving.errorshape import App, Message, Receive, Send
from serving.problems import document_for_status, json_bytes


class KnownPaths:
    """ASGI layer that answers 404 to every path that `is_known` does not know."""

    def __init__(self, app: App, is_known: Callable[[str], bool]) -> None:
        self.app = app
        self.is_known = is_known

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self.is_known(scope["path"]):
            await self.app(scope, receive, send)
            return
        body = json_bytes(document_for_status(404))
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": body})
