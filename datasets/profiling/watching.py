"""A program watched natively: started here or already running, with its threads and children."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from datasets.profiling.cgroups import Group, GroupUsage, made_for, own_of
from datasets.profiling.counting import Counter
from datasets.profiling.orphans import adopting
from datasets.profiling.tracepoints import events_of
from datasets.tracing.counters import attached, parse_perf
from datasets.tracing.processes import (
    Usage,
    connections,
    io_bytes,
    network,
    shared_out_gb,
    switches_and_faults,
    threads,
    tree,
    tree_usage,
)
from features.errors import InvalidInput, Problem

# How often a run is looked at: so often in a window of known length, within these bounds.
_WINDOWS = 12
_SHORTEST_S, _LONGEST_S = 0.05, 5.0
_POLL_S = 0.01
_ENDING_S = 5.0
# Stops itself until it is attached to, and then becomes the program.
_GATE = 'kill -STOP $$; exec "$@"'


@dataclass(frozen=True)
class Sample:
    """What /proc and its control group say of a tree at one moment, all since its start but memory
    and threads."""

    at_s: float
    usage: Usage
    switches: float
    major_faults: float
    packets: float
    net_bytes: float
    operations: float | None
    group: GroupUsage = GroupUsage()


@dataclass
class Watch:
    """What was seen of a run: samples at its start, at its end and between, and perf's counts."""

    samples: list[Sample] = field(default_factory=list)
    events: dict[str, float] = field(default_factory=dict)
    working_set_gb: float = 0.0
    threads: int = 0
    connections: int = 0
    finished: bool = False
    started_s: float = 0.0
    group: Group = field(default_factory=Group)

    @property
    def seconds(self) -> float:
        """How long it was watched."""
        return self.samples[-1].at_s - self.samples[0].at_s


def watch_command(
    argv: Sequence[str],
    *,
    counter: Counter | None = None,
    seconds: float | None = None,
    quiet: bool = False,
) -> Watch:
    """Run a command to its end, or for some seconds, and watch it.

    `quiet` sends what it prints to standard error. Raises InvalidInput where it cannot be
    started or traced, fails, or leaves a daemon behind.
    """
    with adopting():
        return _watched(_started(argv, quiet), argv, counter, seconds)


def _watched(
    process: subprocess.Popen[bytes],
    argv: Sequence[str],
    counter: Counter | None,
    seconds: float | None,
) -> Watch:
    watch = Watch()
    try:
        with tempfile.TemporaryDirectory() as folder:
            output, events = Path(folder) / "perf", events_of()
            watch.group = made_for(process.pid)
            with attached(list(events), [process.pid], output) as perf:
                process.send_signal(signal.SIGCONT)
                _look(watch, process.pid, counter, seconds, lambda: _ended(process.pid))
                if watch.finished:
                    # It has ended but is not yet reaped: /proc still tells its bytes.
                    _reap(watch, process, counter, argv, perf.pid)
                else:
                    _end(process)
            watch.events = _counted(output, events, str(argv[0]))
    finally:
        if process.poll() is None:
            _end(process)
        watch.group.close()
    return watch


def watch_process(pid: int, seconds: float, *, counter: Counter | None = None) -> Watch:
    """Watch a running process, with its children, for some seconds. Raises InvalidInput."""
    if pid <= 0 or not Path(f"/proc/{pid}").exists():
        raise InvalidInput([Problem("pid", f"there is no process {pid}")])
    watch = Watch(group=own_of(pid))
    gone = _gone(pid)
    with tempfile.TemporaryDirectory() as folder:
        output, events = Path(folder) / "perf", events_of()
        with attached(list(events), tree(pid), output) as counting:
            _look(watch, pid, counter, seconds, gone)
        if watch.finished:
            said = f"process {pid} ended after {watch.seconds:.1f} of {seconds:g} s"
            raise InvalidInput([Problem("pid", said)])
        seen = watch.seconds / (watch.seconds + counting.longer_s)
        counted = _counted(output, events, f"process {pid}")
        watch.events = {event: count * seen for event, count in counted.items()}
    return watch


def _started(argv: Sequence[str], quiet: bool) -> subprocess.Popen[bytes]:
    if not argv or shutil.which(argv[0]) is None:
        said = f"{argv[0]!r} is not an executable" if argv else "is required, after --"
        raise InvalidInput([Problem("program", said)])
    process = subprocess.Popen(["/bin/sh", "-c", _GATE, "sh", *argv], stdout=2 if quiet else None)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    return process


def _look(
    watch: Watch,
    pid: int,
    counter: Counter | None,
    seconds: float | None,
    ended: Callable[[], bool],
) -> None:
    """Sample until the end or for so long."""
    start = watch.started_s = time.perf_counter()
    watch.samples.append(_sample(watch, pid, counter))
    pause = _SHORTEST_S if seconds is None else max(_SHORTEST_S, seconds / _WINDOWS)
    while True:
        until = time.perf_counter() + min(pause, _LONGEST_S)
        if seconds is not None:
            until = min(until, start + seconds)
        while time.perf_counter() < until and not ended():
            time.sleep(_POLL_S)
            if len(watch.samples) == 1:  # It may be over before the first look.
                watch.working_set_gb = max(watch.working_set_gb, shared_out_gb(tree(pid)))
        if ended():
            watch.finished = True
            return
        pids = tree(pid)
        watch.working_set_gb = max(watch.working_set_gb, shared_out_gb(pids))
        watch.threads = max(watch.threads, threads(pids))
        watch.connections = max(watch.connections, connections(pids))
        watch.samples.append(_sample(watch, pid, counter))
        if seconds is not None and time.perf_counter() - start >= seconds:
            return
        if seconds is None and len(watch.samples) > 4 * _WINDOWS:
            # A run of unknown length: every other look is enough from here on.
            watch.samples = watch.samples[::2]
            pause *= 2.0


def _sample(watch: Watch, pid: int, counter: Counter | None) -> Sample:
    switches, major = switches_and_faults(tree(pid))
    packets, moved = network(pid)
    operations = None if counter is None else counter()
    at = time.perf_counter() - watch.started_s
    usage, group = tree_usage(pid), watch.group.usage()
    return Sample(at, usage, switches, major, packets, moved, operations, group)


def _ended(pid: int) -> bool:
    said = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return said is not None


def _gone(pid: int) -> Callable[[], bool]:
    def gone() -> bool:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return True
        return stat.rpartition(")")[2].split()[0] in ("Z", "X")

    return gone


def _reap(
    watch: Watch,
    process: subprocess.Popen[bytes],
    counter: Counter | None,
    argv: Sequence[str],
    perf: int,
) -> None:
    """The last sample, of the whole run, and whether it was one that tells something."""
    packets, moved = network(os.getpid())
    bytes_of, at = io_bytes(process.pid), time.perf_counter() - watch.started_s
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    code = process.returncode
    if code:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        raise InvalidInput([Problem("program", f"{Path(argv[0]).name} {how}: nothing to tell of")])
    counting = {os.getpid(), *tree(perf)}
    left = [pid for pid in tree(os.getpid()) if pid not in counting and not _gone(pid)()]
    if left:
        said = (
            f"{Path(argv[0]).name} left process {left[0]} running and ended; "
            f"watch that: --pid {left[0]} --for 30s, or keep it in the foreground"
        )
        raise InvalidInput([Problem("program", said)])
    usage = Usage(used.ru_utime * 1e6, used.ru_stime * 1e6, *bytes_of)
    watch.threads = max(watch.threads, 1)
    watch.samples.append(
        Sample(
            at,
            usage,
            float(used.ru_nvcsw + used.ru_nivcsw),
            float(used.ru_majflt),
            packets,
            moved,
            None if counter is None else counter(),
            watch.group.usage(),
        )
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what was started, politely and then not, with what it started."""
    pids = tree(process.pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            try:
                os.kill(pid, number)
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                continue
        try:
            process.wait(timeout=_ENDING_S)
            return
        except subprocess.TimeoutExpired:
            continue


def _counted(output: Path, events: Mapping[str, str], name: str) -> dict[str, float]:
    counts = parse_perf(output.read_text(encoding="utf-8") if output.exists() else "", events)
    if "syscalls" not in counts:
        said = f"{name} cannot be traced: perf may not attach to it (another user's, or "
        said += "/proc/sys/kernel/perf_event_paranoid)"
        raise InvalidInput([Problem("program", said)])
    return counts
