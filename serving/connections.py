"""Connections that send their headers in bounded time and memory, or are told why they end.

uvicorn waits for them as long as it takes; what stands before any application cannot be bounded by
one, so its protocol is.
"""

from __future__ import annotations

import asyncio

from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.problems import document_for_status, error_document, json_bytes

HEADERS_S = 10.0
MAX_HEADERS = 64 * 1024
LINGER_S = 1.0

_PHRASES = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}
_LONG = error_document(
    "headers_too_large", f"the headers are larger than {MAX_HEADERS // 1024} KiB"
)


class PromptHeaders(HttpToolsProtocol):
    """uvicorn's protocol, with 408 for headers that are not there within HEADERS_S seconds, 431 for
    more than MAX_HEADERS bytes of them, and the one error shape for what is not HTTP.

    A request whose headers come in one piece, as nearly all do, costs no timer.
    """

    _late: asyncio.TimerHandle | None = None
    _heading = True
    _taken = 0
    _ended = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new connection: its first headers are due."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEADERS_S, self._end, 408)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of a connection: nothing is due any more."""
        self._settle()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; its headers are due once they have begun."""
        if self._ended:
            return
        super().data_received(data)
        if not self._heading:
            if self._late is not None:
                self._settle()
            return
        self._taken += len(data)
        if self._taken > MAX_HEADERS:
            self._end(431)
        elif self._late is None and not (self._ended or self.transport.is_closing()):
            self._late = self.loop.call_later(HEADERS_S, self._end, 408)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._heading, self._taken = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The last byte of its headers."""
        self._heading = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """What was sent is not HTTP."""
        self._end(400)

    def _settle(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _end(self, status: int) -> None:
        self._settle()
        if self._ended or self.transport.is_closing():
            return
        body = json_bytes(_LONG if status == 431 else document_for_status(status))
        lines = [
            b"HTTP/1.1 %d %s" % (status, _PHRASES[status]),
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"connection: close",
        ]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        # Closed at once, what is still being sent would undo what was said.
        self._ended = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)


def use_prompt_headers() -> None:
    """Have uvicorn take this protocol where it would choose one itself."""
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{PromptHeaders.__name__}"
