"""Key-value stores: Redis by pipeline depth and connections, memcached by connections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datasets.tracing.program import Load, Point, Program, found_number, output_of, tool, version_of
from datasets.tracing.service import Daemon, free_port, on_client_cores

_KEYS = 10_000
_VALUE_BYTES = 64
_MEMCACHED_VALUE_BYTES = 1024


class _Redis(Daemon):
    """Without snapshots and log: the memory alone."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        asked = [tool("redis-server", "redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
        super().__init__([*asked, "--save", "", "--appendonly", "no", "--dir", str(folder)], port)

    def prepare(self) -> None:
        """Every key that is read later."""
        self._benchmark(["-t", "set", "-n", str(_KEYS * 5), "-c", "10", "-P", "16"])

    def _benchmark(self, arguments: Sequence[str]) -> None:
        asked = [tool("redis-benchmark", "redis-tools"), "-p", str(self.port), "-q"]
        common = ["-r", str(_KEYS), "-d", str(_VALUE_BYTES)]
        output_of([*asked, *common, *arguments], before=on_client_cores)

    def loads(self) -> Sequence[Load]:
        """GET from one connection and fifty, SET from fifty, unpipelined and sixteen deep."""
        return [
            self._load(verb, clients, depth)
            for verb, clients in (("get", 1), ("get", 50), ("set", 50))
            for depth in (1, 16)
        ]

    def _load(self, verb: str, clients: int, depth: int) -> Load:
        arguments = ["-t", verb, "-c", str(clients), "-P", str(depth)]

        def drive(size: float) -> float:
            count = max(clients * depth, round(size))
            self._benchmark([*arguments, "-n", str(count)])
            return float(count)

        point = Point(f"{verb}-c{clients}-p{depth}", "database.kv", clients, depth, _VALUE_BYTES)
        title = f"redis-benchmark {' '.join(arguments)} -r {_KEYS} -d {_VALUE_BYTES}"
        timed = 1_000_000.0 if depth > 1 else 60_000.0 if clients == 1 else 200_000.0
        return Load(point, drive, title, timed, 20_000.0 * (1 + depth // 4))


class _Memcached(Daemon):
    """Four threads, as by default."""

    def __init__(self, _folder: Path) -> None:
        port = free_port()
        asked = [tool("memcached", "memcached"), "-l", "127.0.0.1", "-p", str(port), "-U", "0"]
        super().__init__([*asked, "-u", "nobody"], port)

    def loads(self) -> Sequence[Load]:
        """Nine reads to a write, one connection and fifty."""
        return [self._load(clients) for clients in (1, 50)]

    def _load(self, clients: int) -> Load:
        arguments = ["-T", "1", "-c", str(clients), "-X", str(_MEMCACHED_VALUE_BYTES)]

        def drive(size: float) -> float:
            asked = [tool("memcaslap", "libmemcached-tools"), "-s", f"127.0.0.1:{self.port}"]
            said = output_of(
                [*asked, *arguments, "-w", "1k", "-x", str(round(size))],
                before=on_client_cores,
            )
            return found_number(r"Ops: (\d+)", said)

        point = Point(f"c{clients}", "database.kv", clients, 1.0, _MEMCACHED_VALUE_BYTES)
        title = f"memcaslap {' '.join(arguments)}, nine gets to a set"
        return Load(point, drive, title, 60_000.0 if clients == 1 else 200_000.0, 20_000.0)


def _redis_version() -> str:
    tool("redis-benchmark", "redis-tools")
    return version_of([tool("redis-server", "redis-server"), "--version"])


def _memcached_version() -> str:
    tool("memcaslap", "libmemcached-tools")
    return version_of([tool("memcached", "memcached"), "-V"])


PROGRAMS = (
    Program("redis", _redis_version, start=_Redis),
    Program("memcached", _memcached_version, start=_Memcached),
)
