"""Load where there is no wrk: keep-alive connections on one event loop, the same document printed.

python -m tests.benchmarks.http.generator URL BODIES CONNECTIONS SECONDS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

from tests.benchmarks.http.load import PATIENCE_S


class Connection(asyncio.Protocol):
    """One connection: the next request goes out when the last one's answer is whole."""

    def __init__(self, requests: list[bytes], first: int) -> None:
        self.requests = cycle(requests[first:] + requests[:first])
        self.latencies: list[float] = []
        self.errors = 0
        self.ended = False
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take the answer, and ask again when it is whole."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        fields = bytes(self._buffer[:head]).lower()
        length = int(fields.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(self._buffer) < head + 4 + length:
            return
        took = time.perf_counter() - self._sent
        self.latencies.append(took)
        self.errors += not fields.startswith(b"http/1.1 2") or took > PATIENCE_S
        del self._buffer[: head + 4 + length]
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """A connection that the server closes is an error."""
        self.errors += not self.ended

    def end(self) -> None:
        """Ask no more."""
        self.ended = True
        if self._transport is not None:
            self._transport.close()

    def _ask(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        self._transport.write(next(self.requests))


async def generate(url: str, bodies: Path, connections: int, seconds: float) -> dict[str, float]:
    """What run_load needs to know of a run."""
    address = urlsplit(url)
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: "
    requests = [
        f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies.read_bytes().splitlines()
    ]
    loop, start = asyncio.get_running_loop(), time.perf_counter()
    made = []
    for place in range(connections):
        first = place * len(requests) // connections
        _, connection = await loop.create_connection(
            lambda first=first: Connection(requests, first), address.hostname, address.port
        )
        made.append(connection)
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - start
    for connection in made:
        connection.end()
    latencies = sorted(took for connection in made for took in connection.latencies)
    return {
        "requests": len(latencies),
        "us": elapsed * 1e6,
        "p50_us": latencies[len(latencies) // 2] * 1e6,
        "p99_us": latencies[len(latencies) * 99 // 100] * 1e6,
        "errors": sum(connection.errors for connection in made),
    }


if __name__ == "__main__":
    where, lines, many, long = sys.argv[1:]
    found = uvloop.run(generate(where, Path(lines), int(many), float(long)))
    print(json.dumps(found), file=sys.stderr)
