"""Trace a running service while a bounded load is driven at it over the loopback device."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from datasets.tracing.calls import CallCounts, count_calls
from datasets.tracing.counters import attached, parse_perf
from datasets.tracing.processes import Usage, loopback, shared_out_gb, tree, tree_usage
from datasets.tracing.program import Load, Service, Unavailable
from datasets.tracing.tally import Tally, per_operation

# The small run of each pair, as a share of the large one.
_SMALL = 0.25
_STRACE_ATTACHING_S = 0.5
# For what served the last load to go: perf refuses to attach to a process that has ended.
_SETTLING_S = 0.5


def trace_service(service: Service, load: Load, events: Sequence[str]) -> Tally:
    """What one operation asks of a service; its load generator is not counted."""
    tally = Tally()
    load.drive(load.timed_size * _SMALL)
    _timed(service, load, tally)
    _events(service, load, events, tally)
    _strace(service, load, tally)
    tally.working_set_gb = shared_out_gb(tree(service.pid))
    return tally


def _timed(service: Service, load: Load, tally: Tally) -> None:
    small, large = (_timed_run(service, load, part) for part in (_SMALL, 1.0))
    count = large[0] - small[0]
    if count <= 0.0:
        raise Unavailable("the large run did no more operations than the small one")
    used = large[2] - small[2]
    tally.operations = count
    tally.wall_us = (large[1] - small[1]) / count
    tally.usage = Usage(
        used.user_us / count, used.system_us / count, max(0.0, used.storage_bytes) / count
    )
    tally.packets = (large[3] - small[3]) / count
    tally.bytes = (large[4] - small[4]) / count


def _timed_run(
    service: Service, load: Load, part: float
) -> tuple[float, float, Usage, float, float]:
    packets, moved = loopback()
    used, start = tree_usage(service.pid), time.perf_counter()
    count = load.drive(load.timed_size * part)
    wall_us = (time.perf_counter() - start) * 1e6
    packets_after, moved_after = loopback()
    spent = tree_usage(service.pid) - used
    return count, wall_us, spent, packets_after - packets, moved_after - moved


def _events(service: Service, load: Load, events: Sequence[str], tally: Tally) -> None:
    if not events:
        return
    runs = []
    for part in (_SMALL, 1.0):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "perf"
            time.sleep(_SETTLING_S)
            with attached(events, tree(service.pid), output):
                count = load.drive(load.timed_size * part)
            runs.append((count, parse_perf(output.read_text(encoding="utf-8"))))
    (few, small), (many, large) = runs
    if not large:
        raise Unavailable("perf could not attach to it")
    tally.events = {
        key: max(0.0, value - small.get(key, 0.0)) / (many - few) for key, value in large.items()
    }


def _strace(service: Service, load: Load, tally: Tally) -> None:
    runs: list[tuple[float, CallCounts]] = []
    for part in (_SMALL, 1.0):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "strace"
            time.sleep(_SETTLING_S)
            asked = ["strace", "-f", "-yy", "-qq", "-s0", "-o", str(output)]
            for pid in tree(service.pid):
                asked += ["-p", str(pid)]
            strace = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                time.sleep(_STRACE_ATTACHING_S)
                count = load.drive(load.traced_size * part)
            finally:
                strace.send_signal(signal.SIGINT)
                strace.wait(timeout=20)
            with output.open(encoding="utf-8", errors="replace") as lines:
                runs.append((count, count_calls(lines)))
    (few, small), (many, large) = runs
    tally.calls = per_operation(large, small, many - few)


class Daemon:
    """A server process of ours, on the last core where there are several, stopped at the end."""

    def __init__(self, argv: Sequence[str], port: int, user: str | None = None) -> None:
        self.port = port
        self.name = Path(argv[0]).name
        # Without an unprivileged user of that name the server runs as whoever traces.
        known = user if user in {entry.pw_name for entry in pwd.getpwall()} else None
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=on_server_core,
            user=known if os.geteuid() == 0 else None,
        )
        self.pid = self._process.pid
        try:
            self._wait_for_port()
            self.prepare()
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> None:
        """Fill it with what the load asks for; a failure here stops it as well."""

    def _wait_for_port(self) -> None:
        for _ in range(200):
            if self._process.poll() is not None:
                raise Unavailable(f"{self.name} ended at its start")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise Unavailable(f"nothing listens on port {self.port} after 10 s")

    def stop(self) -> None:
        """End it, politely and then not."""
        # SIGINT is a fast shutdown to PostgreSQL and an orderly one to the others.
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def on_server_core() -> None:
    """Run on the last core, so that a server's time is that of one core."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[-1:])


def on_client_cores() -> None:
    """Run on all cores but the last, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[:-1] or cores)
