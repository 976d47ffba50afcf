"""What every answer tells the browser: to send and load nothing that is not this service's."""

from __future__ import annotations

from serving.errorshape import App, Message, Receive, Send

Headers = tuple[tuple[bytes, bytes], ...]

_NO_FRAME = b"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_POLICY = b"content-security-policy"

# A document is data: nothing in it may run, and nobody on the way keeps it.
DATA: Headers = (
    (_POLICY, b"default-src 'none'; " + _NO_FRAME),
    (b"cache-control", b"no-store"),
)
EVERYWHERE: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class SafeHeaders:
    """ASGI layer that adds the headers; one that is there already, as the page's policy, stands."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def headed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                there = {name for name, _ in headers}
                headers += [h for h in (*DATA, *EVERYWHERE) if h[0] not in there]
                message = {**message, "headers": headers}
            await send(message)

        await self.app(scope, receive, headed)
