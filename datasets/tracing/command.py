"""Trace a command from its start to its end, with all that it starts."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.tracing.calls import CallCounts, count_calls
from datasets.tracing.counters import parse_perf, perf_command
from datasets.tracing.processes import Usage, io_bytes
from datasets.tracing.program import Command, Unavailable
from datasets.tracing.tally import Tally, per_operation

_REPEATS = 3
_DROP_CACHES = Path("/proc/sys/vm/drop_caches")


@dataclass(frozen=True)
class _Timed:
    usage: Usage
    wall_us: float
    peak_gb: float

    @property
    def cpu_us(self) -> float:
        return self.usage.user_us + self.usage.system_us


def trace_command(command: Command, events: Sequence[str]) -> Tally:
    """What one operation of a command asks for."""
    runs = _Runs(command, events)
    large = runs.timed(command.argv)
    large_calls, large_events = runs.strace(command.argv), runs.perf(command.argv)
    nothing = _Timed(Usage(), 0.0, 0.0)
    small, small_calls, small_events = nothing, CallCounts(), dict.fromkeys(large_events, 0.0)
    if command.base is not None:
        small = runs.timed(command.base)
        small_calls, small_events = runs.strace(command.base), runs.perf(command.base)
    count = command.operations
    used = large.usage - small.usage
    return Tally(
        operations=count,
        usage=Usage(
            max(0.0, used.user_us) / count,
            max(0.0, used.system_us) / count,
            max(0.0, used.storage_bytes) / count,
        ),
        wall_us=(large.wall_us - small.wall_us) / count,
        calls=per_operation(large_calls, small_calls, count),
        events={k: max(0.0, v - small_events[k]) / count for k, v in large_events.items()},
        bytes=max(0.0, used.moved_bytes) / count,
        working_set_gb=large.peak_gb,
    )


class _Runs:
    """The three ways to run one command."""

    def __init__(self, command: Command, events: Sequence[str]) -> None:
        self.cold = command.cold
        self.events = events
        self.environment = {**os.environ, **command.environment}

    def timed(self, argv: Sequence[str]) -> _Timed:
        """Alone; the median by processor time of a few, or once where the page cache is emptied."""
        repeats = 1 if self.cold else _REPEATS
        runs = sorted((self._timed_once(argv) for _ in range(repeats)), key=lambda r: r.cpu_us)
        return runs[len(runs) // 2]

    def perf(self, argv: Sequence[str]) -> dict[str, float]:
        """Under perf stat."""
        if not self.events:
            return {}
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "perf"
            self._run([*perf_command(self.events, output), "--", *argv])
            return parse_perf(output.read_text(encoding="utf-8"))

    def strace(self, argv: Sequence[str]) -> CallCounts:
        """Under strace."""
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "strace"
            self._run(["strace", "-f", "-yy", "-qq", "-s0", "-o", str(output), "--", *argv])
            with output.open(encoding="utf-8", errors="replace") as lines:
                return count_calls(lines)

    def _timed_once(self, argv: Sequence[str]) -> _Timed:
        start = time.perf_counter()
        process = self._start(argv)
        # It has ended but is not yet reaped: /proc still tells its bytes.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall_us = (time.perf_counter() - start) * 1e6
        storage_bytes, moved_bytes = io_bytes(process.pid)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        _check(process.returncode, argv)
        times = Usage(used.ru_utime * 1e6, used.ru_stime * 1e6, storage_bytes, moved_bytes)
        # The peak of the largest process of the tree, in KiB on Linux.
        return _Timed(times, wall_us, used.ru_maxrss * 1024 / 1e9)

    def _run(self, argv: Sequence[str]) -> None:
        process = self._start(argv)
        _check(process.wait(), argv)

    def _start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        if self.cold:
            drop_page_cache()
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
            preexec_fn=_bounded,
        )


def drop_page_cache() -> None:
    """Write back and forget all cached files of the machine (root only)."""
    os.sync()
    try:
        _DROP_CACHES.write_text("3", encoding="ascii")
    except OSError as error:
        raise Unavailable(f"the page cache cannot be dropped: {error.strerror}") from None


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (120, 120))


def _check(code: int, argv: Sequence[str]) -> None:
    if code:
        raise Unavailable(f"{' '.join(argv)[:80]} ended with {code}")
