"""Bodies that are too large, too slow or too many are refused in bounded time and memory."""

from __future__ import annotations

import asyncio
import json

import pytest

from serving import intake
from serving.intake import MAX_BYTES, WholeBody

POST = {"type": "http", "headers": [(b"transfer-encoding", b"chunked")]}


class Wire:
    """A client that sends parts with pauses, and what it is told; echo is what stands behind."""

    def __init__(self, parts, pause_s=0.0):
        self.parts = iter(parts)
        self.pause_s = pause_s
        self.told = []

    async def receive(self):
        part = next(self.parts, None)
        if part is None:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.pause_s)
        return part

    async def send(self, message):
        self.told.append(message)

    async def echo(self, _scope, receive, send):
        message = await receive()
        assert not message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": message["body"]})


def part(data: bytes, more: bool = True) -> dict:
    return {"type": "http.request", "body": data, "more_body": more}


def ask(wire: Wire, scope=POST, within_s: float = 5.0) -> tuple[int, bytes]:
    layer = WholeBody(wire.echo, within_s)
    asyncio.run(layer(scope, wire.receive, wire.send))
    assert layer._held == 0
    return wire.told[0]["status"], wire.told[1]["body"]


def test_a_body_in_parts_is_handed_on_whole():
    assert ask(Wire([part(b"a"), part(b"b"), part(b"c", False)])) == (200, b"abc")


def test_a_body_that_dribbles_is_408_and_the_connection_is_closed():
    wire = Wire([part(b"a")] * 1000, pause_s=0.01)
    status, body = ask(wire, within_s=0.1)
    assert status == 408
    assert json.loads(body)["error"]["code"] == "request_timeout"
    assert (b"connection", b"close") in wire.told[0]["headers"]


def test_a_body_that_never_comes_is_408():
    assert ask(Wire([]), within_s=0.05)[0] == 408


def test_a_body_without_an_end_is_413():
    status, body = ask(Wire([part(b" " * 2**20)] * 1000))
    assert status == 413
    assert "8 MiB" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize("length", [str(MAX_BYTES + 1), "9" * 400])
def test_a_length_that_is_too_large_is_413_before_anything_is_read(length):
    scope = {"type": "http", "headers": [(b"content-length", length.encode())]}
    assert ask(Wire([]), scope)[0] == 413


def test_bodies_together_are_bounded(monkeypatch):
    monkeypatch.setattr(intake, "MAX_BYTES_AT_ONCE", 10)
    assert ask(Wire([part(b" " * 11)]))[0] == 429


def test_who_leaves_is_not_answered():
    wire = Wire([part(b"a"), {"type": "http.disconnect"}])
    layer = WholeBody(wire.echo)
    asyncio.run(layer(POST, wire.receive, wire.send))
    assert (wire.told, layer._held) == ([], 0)


def test_what_has_no_body_waits_for_none():
    wire = Wire([part(b"", False)])
    scope = {"type": "http", "headers": [(b"content-length", b"0")]}
    assert ask(wire, scope) == (200, b"")
