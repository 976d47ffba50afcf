"""The programs: each is profiled natively and timed natively and under each runtime alike."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from datasets.profiling.command import Asked, profiled
from datasets.tracing.program import Unavailable, found_number, output_of
from datasets.tracing.service import free_port
from tests.benchmarks.endtoend.running import Running

_LISTENING_S = 20.0
_PROFILED_S = 4
# A load that outlives its profile: perf takes seconds to attach to all events and to let go.
_LOADED_S = 60

_NGINX = """
daemon off; worker_processes 1; user root; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
  access_log {folder}/access.log; sendfile on; tcp_nopush on; keepalive_requests 100000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


class Program(Protocol):
    """A program under the runtimes. `loads` are what is asked of it, each a row of the report."""

    name: str
    loads: Sequence[str]

    def start(self) -> None:
        """Make ready what is timed. Raises Unavailable."""

    def profile(self, load: str) -> dict[str, Any]:
        """The document of `nearmetal profile` of the native one."""

    def time(self, runtime: str, load: str) -> float:
        """Time of one operation [s] under a runtime."""

    def stop(self) -> None:
        """End it under all runtimes."""


class Server:
    """A server that a client outside of the runtime asks over the host's loopback device."""

    def __init__(self, name: str, folder: Path, runtimes: Sequence[str]) -> None:
        self.name, self.folder, self.runtimes = name, folder, runtimes
        self.ports: dict[str, int] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.running: dict[str, Running] = {}

    def line(self, folder: Path, port: int) -> list[str]:
        """The line that starts it."""
        raise NotImplementedError

    def start(self) -> None:
        """One of it under each runtime, all waiting."""
        for runtime in self.runtimes:
            folder = self.folder / f"{self.name}-{runtime}"
            (folder / "data").mkdir(parents=True)
            port = self.ports[runtime] = free_port()
            argv = self.line(folder / "data", port)
            name = f"nearmetal-{os.getpid()}-{self.name}-{runtime}"
            held = Running(runtime, argv, folder / "data", folder / "state", name)
            self.running[runtime] = held
            with (folder / "log").open("wb") as log:
                self.processes[runtime] = subprocess.Popen(
                    held.prepare(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            _wait_for(port, self.processes[runtime], folder / "log")

    def profile(self, load: str) -> dict[str, Any]:
        """Watched from outside while it is under load, as a user would."""
        with subprocess.Popen(
            self.client("native", load, _LOADED_S),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as client:
            time.sleep(0.5)
            pid = str(self.processes["native"].pid)
            try:
                return profiled(Asked((), pid, f"{_PROFILED_S}s", count_from=self.counter()))
            finally:
                client.kill()

    def client(self, runtime: str, load: str, seconds: int) -> list[str]:
        """The line of a load of so long."""
        raise NotImplementedError

    def counter(self) -> str:
        """Where `--count-from` reads its operations."""
        raise NotImplementedError

    def stop(self) -> None:
        """End all, politely and then not."""
        for runtime, process in self.processes.items():
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                self.running[runtime].clean()
                process.kill()
                process.wait()
            self.running[runtime].clean()
        self.processes.clear()


class Nginx(Server):
    """A file of 4 KiB over 32 connections that are kept, its access log on."""

    loads = ("nginx static file",)

    def __init__(self, folder: Path, runtimes: Sequence[str]) -> None:
        super().__init__("nginx", folder, runtimes)

    def line(self, folder: Path, port: int) -> list[str]:
        """nginx with its own configuration."""
        (folder / "file").write_bytes(os.urandom(4096))
        text = _NGINX.format(folder=folder, port=port)
        (folder / "nginx.conf").write_text(text, encoding="utf-8")
        return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]

    def client(self, runtime: str, load: str, seconds: int) -> list[str]:  # noqa: ARG002
        """wrk of one thread."""
        address = f"http://127.0.0.1:{self.ports[runtime]}/file"
        return ["wrk", "-t1", "-c32", "--timeout", "30s", f"-d{seconds}s", address]

    def counter(self) -> str:
        """The access log."""
        return str(self.folder / "nginx-native" / "data" / "access.log")

    def time(self, runtime: str, load: str) -> float:
        """Of a request, from requests in two seconds."""
        said = output_of(self.client(runtime, load, 2))
        if "Non-2xx" in said or "Socket errors" in said:
            raise Unavailable(f"wrk saw errors under {runtime}")
        return 1.0 / found_number(r"Requests/sec:\s+([\d.]+)", said)


class Redis(Server):
    """GET and SET of 64 bytes from fifty connections; no snapshots, no log."""

    loads = ("redis GET", "redis SET")

    def __init__(self, folder: Path, runtimes: Sequence[str]) -> None:
        super().__init__("redis", folder, runtimes)

    def line(self, folder: Path, port: int) -> list[str]:
        """redis-server in memory alone."""
        asked = ["/usr/bin/redis-server", "--port", str(port), "--bind", "127.0.0.1"]
        return [*asked, "--save", "", "--appendonly", "no", "--dir", str(folder)]

    def client(self, runtime: str, load: str, seconds: int) -> list[str]:
        """redis-benchmark, which counts requests and not seconds: far more than it can do."""
        return [*self._client(runtime, load), "-n", str(seconds * 200_000)]

    def _client(self, runtime: str, load: str) -> list[str]:
        asked = ["redis-benchmark", "-p", str(self.ports[runtime]), "-q", "-c", "50", "-d", "64"]
        return [*asked, "-r", "10000", "-t", load.split()[-1].lower()]

    def counter(self) -> str:
        """What the server says itself."""
        port = self.ports["native"]
        return f"redis-cli -p {port} info stats | grep total_commands_processed"

    def time(self, runtime: str, load: str) -> float:
        """Of a command, from as many as take about 1.5 s."""
        line = self._client(runtime, load)
        rate = _rate(output_of([*line, "-n", "2000"]))
        return 1.0 / _rate(output_of([*line, "-n", str(max(2000, round(1.5 * rate)))]))


class Command:
    """A command that runs to its end, timed inside so that the runtime's start is no part."""

    def __init__(
        self, load: str, folder: Path, runtimes: Sequence[str], write: Callable[[Path], list[str]]
    ) -> None:
        self.name, self.loads, self.write = load.split()[0], (load,), write
        self.folder, self.runtimes = folder, runtimes
        self.lines: dict[str, tuple[list[str], Running]] = {}
        self.operations = 1

    def start(self) -> None:
        """Its input for each runtime."""
        for runtime in self.runtimes:
            folder = self.folder / f"{self.name}-{runtime}"
            (folder / "data").mkdir(parents=True)
            argv = self.write(folder / "data")
            script = f"date +%s%N; {' '.join(argv)}; date +%s%N"
            name = f"nearmetal-{os.getpid()}-{self.name}-{runtime}"
            shell = ["/bin/sh", "-ec", script]
            held = Running(runtime, shell, folder / "data", folder / "state", name)
            self.lines[runtime] = argv, held

    def profile(self, load: str) -> dict[str, Any]:  # noqa: ARG002
        """A whole run of it is one operation."""
        argv, _ = self.lines["native"]
        return profiled(Asked(["/bin/sh", "-ec", f"exec {' '.join(argv)}"]), quiet=True)

    def time(self, runtime: str, load: str) -> float:  # noqa: ARG002
        """Of a run."""
        _, held = self.lines[runtime]
        try:
            said = output_of(held.prepare(), timeout_s=300.0)
        finally:
            held.clean()
        stamps = [int(found) for found in re.findall(r"^\d{19}$", said, re.MULTILINE)]
        if len(stamps) != 2:
            raise Unavailable(f"{self.name} did not run under {runtime}: {said[-200:].strip()!r}")
        return (stamps[1] - stamps[0]) / 1e9

    def stop(self) -> None:
        """Nothing is left running."""


def sqlite(folder: Path) -> list[str]:
    """Transactions of one row each, one of many rows, and looks by key and by range, in a file."""
    draw = random.Random(1)
    text = ["CREATE TABLE t(k INTEGER PRIMARY KEY, v TEXT, n INTEGER);"]
    text.insert(0, "DROP TABLE IF EXISTS t;")
    text += [f"INSERT INTO t(v, n) VALUES('{draw.random():.16f}', {i});" for i in range(100)]
    many = [f"INSERT INTO t(v, n) VALUES('{draw.random():.16f}', {i});" for i in range(20_000)]
    text += ["BEGIN;", *many, "COMMIT;", "CREATE INDEX i ON t(n);"]
    text += [f"SELECT v FROM t WHERE k = {draw.randrange(20_000)};" for _ in range(4_000)]
    text += [f"SELECT sum(k) FROM t WHERE n < {draw.randrange(4_000)};" for _ in range(300)]
    (folder / "script.sql").write_text("\n".join(text), encoding="utf-8")
    return [f"/usr/bin/sqlite3 {folder}/t.db < {folder}/script.sql > {folder}/said"]


def compile_c(folder: Path) -> list[str]:
    """gcc -O2 of a generated file of 150 functions."""
    draw = random.Random(2)
    text = ["#include <stdio.h>", "#include <stdlib.h>", "#include <string.h>"]
    for i in range(150):
        a, b = draw.randrange(1, 99), draw.randrange(1, 99)
        text.append(
            f"int f{i}(int *x, int n) {{ int s = {a}; for (int j = 0; j < n; j++) {{"
            f" if (x[j] % {b + 1} == {i % 7}) s += x[j] * {a}; else s ^= x[j] + {b};"
            f' if (s > 100000) {{ printf("%d\\n", s); s = (int)strlen("{a}{b}"); }} }}'
            f" return s; }}"
        )
    (folder / "code.c").write_text("\n".join(text), encoding="utf-8")
    return [f"/usr/bin/gcc -O2 -c {folder}/code.c -o {folder}/code.o"]


def programs(folder: Path, runtimes: Sequence[str]) -> list[Program]:
    """All four."""
    return [
        Nginx(folder, runtimes),
        Redis(folder, runtimes),
        Command("sqlite inserts and selects", folder, runtimes, sqlite),
        Command("gcc -O2 of a file", folder, runtimes, compile_c),
    ]


def _rate(said: str) -> float:
    return float(re.findall(r"([\d.]+) requests per second", said)[-1])


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _LISTENING_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise Unavailable(f"nothing listens: {log.read_text(errors='replace')[-300:].strip()!r}")
