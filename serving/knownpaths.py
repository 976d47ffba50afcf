"""The layer before BentoML's metrics: a path that is not there is answered and counted nowhere.

BentoML labels its series by the raw path, so that each unknown path would add some for good.
"""

from __future__ import annotations

from serving.errorshape import App, Message, Receive, Send
from serving.problems import document_for_status, json_bytes


class KnownPaths:
    """ASGI layer that answers 404 to a path that is not known, a slash at its end or not."""

    def __init__(self, app: App, known: frozenset[str]) -> None:
        self.app = app
        self.known = known

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._is_known(scope["path"]):
            await self.app(scope, receive, send)
            return
        body = json_bytes(document_for_status(404))
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": body})

    def _is_known(self, path: str) -> bool:
        return path in self.known or path.removesuffix("/") in self.known
