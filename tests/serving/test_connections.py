"""Connections that send slowly, without an end, or what is not HTTP, on a real server."""

from __future__ import annotations

import asyncio
import json

import pytest
import uvicorn
from uvicorn.config import HTTP_PROTOCOLS

from serving import connections
from serving.connections import PromptHeaders

GET = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def hello(_scope, receive, send):
    await receive()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


def talk(*parts: bytes, pause_s: float = 0.0) -> bytes:
    """What a server says to these parts, until it ends the connection."""

    async def both() -> bytes:
        config = uvicorn.Config(hello, port=0, log_config=None, lifespan="off", http=PromptHeaders)
        server = uvicorn.Server(config)
        config.load()
        made = await asyncio.get_running_loop().create_server(
            lambda: PromptHeaders(config, server.server_state, {}), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*made.sockets[0].getsockname())
        try:
            said = asyncio.create_task(reader.read())
            for part in parts:
                if said.done():  # whoever writes on loses what was said
                    break
                writer.write(part)
                await asyncio.sleep(pause_s)
            return await asyncio.wait_for(said, 20)
        finally:
            writer.close()
            made.close()

    return asyncio.run(both())


def failure(said: bytes) -> tuple[int, str]:
    """Status and code of the last answer, its shape checked."""
    head, _, body = said.rpartition(b"\r\n\r\n")
    last = head[head.rindex(b"HTTP/1.1") :]
    assert b"connection: close" in last
    error = json.loads(body)["error"]
    assert error.keys() == {"code", "message", "details"}
    return int(last.split()[1]), error["code"]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(connections, "HEADERS_S", 0.2)


def test_headers_in_pieces_are_answered():
    said = talk(GET[:5], GET[5:], b"connection: close\r\n\r\n", pause_s=0.01)
    assert said.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "parts", [(), (b"GET",), (GET,), (GET, b"a: b\r\n")], ids=["none", "word", "line", "some"]
)
def test_headers_that_never_end_are_408(parts):
    assert failure(talk(*parts)) == (408, "request_timeout")


def test_headers_that_dribble_are_408():
    assert failure(talk(GET, *[b"x"] * 200, pause_s=0.005)) == (408, "request_timeout")


def test_the_second_request_of_a_connection_is_due_as_well():
    said = talk(GET + b"\r\n", GET, pause_s=0.05)
    assert said.startswith(b"HTTP/1.1 200")
    assert failure(said) == (408, "request_timeout")


def test_headers_without_an_end_are_431():
    field = b"a: " + b"b" * 9000 + b"\r\n"
    assert failure(talk(GET, *[field] * 20, pause_s=0.005))[0] == 431


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"\r\nnonsense\r\n"]
)
def test_what_is_not_http_is_400_in_one_shape(sent):
    assert failure(talk(sent)) == (400, "bad_request")


def test_it_is_what_uvicorn_takes(running):  # noqa: ARG001
    assert uvicorn.importer.import_from_string(HTTP_PROTOCOLS["auto"]) is PromptHeaders
