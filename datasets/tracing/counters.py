"""Event counts of a process tree from `perf stat`, which slows it far less than strace."""

from __future__ import annotations

import math
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# perf's name of each event, and ours. A bio is queued in the context of the task that reads or
# flushes; what the kernel writes back later on its own is not the program's and not counted.
EVENTS = {
    "raw_syscalls:sys_enter": "syscalls",
    "context-switches": "switches",
    "page-faults": "faults",
    "block:block_bio_queue": "io_ops",
}
_OBEYING_S = _ENDING_S = 10.0
_POLL_S = 0.05


def parse_perf(text: str, names: Mapping[str, str] = EVENTS) -> dict[str, float]:
    """The counts of `perf stat -x,` by our names; an event that was not counted is left out.

    An event may be followed by `?` and a filter on its fields. perf names no filter, so that events
    of one name are told apart by their order, which is that of `names`.
    """
    waiting: dict[str, list[str]] = {}
    for event, name in names.items():
        waiting.setdefault(event.partition("?")[0], []).append(name)
    counts: dict[str, float] = {}
    for line in text.splitlines():
        cells = line.split(",")
        if line.startswith("#") or len(cells) < 3 or not waiting.get(cells[2]):
            continue
        name = waiting[cells[2]].pop(0)
        try:
            value = float(cells[0])
        except ValueError:  # "<not supported>", "<not counted>"
            continue
        if math.isfinite(value):
            counts[name] = counts.get(name, 0.0) + value
    return counts


def perf_works() -> bool:
    """Whether perf is installed and may count these events here."""
    return bool(usable_events())


def usable_events() -> tuple[str, ...]:
    """Those of EVENTS that this kernel and this user can count."""
    if shutil.which("perf") is None:
        return ()
    usable = []
    for event in EVENTS:
        asked = ["perf", "stat", "-x,", "-e", event, "true"]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        if done.returncode == 0 and parse_perf(done.stderr):
            usable.append(event)
    return tuple(usable)


def perf_command(events: Sequence[str], output: Path) -> list[str]:
    """The start of a perf command line that writes its counts to `output`."""
    line = ["perf", "stat", "-x,", "-o", str(output)]
    plain = [event for event in events if "?" not in event]
    line += ["-e", ",".join(plain)]
    for event, _, wanted in (e.partition("?") for e in events if "?" in e):
        line += ["-e", event, "--filter", wanted]
    return line


@dataclass
class Attached:
    """perf's own process, and for how much longer than the block it counted each event [s], on the
    average: it takes its events one after another, at the start and at the end."""

    pid: int
    longer_s: float = 0.0


@contextmanager
def attached(events: Sequence[str], pids: Sequence[int], output: Path) -> Iterator[Attached]:
    """Count the events of processes and of what they start, while the block runs and hardly longer.

    Where perf cannot attach the block runs all the same, and
    `output` holds no counts.
    """
    with tempfile.TemporaryDirectory() as folder:
        fifos = [Path(folder) / name for name in ("control", "done")]
        for fifo in fifos:
            os.mkfifo(fifo)
        asked = [*perf_command(events, output), "-p", ",".join(map(str, pids))]
        asked += ["-D", "-1", "--control", f"fifo:{fifos[0]},{fifos[1]}"]
        perf = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        control, done = (os.open(fifo, os.O_RDWR) for fifo in fifos)
        try:
            counting = Attached(perf.pid)
            began = time.monotonic()
            _told(perf, control, done, b"enable\n")
            enabled = time.monotonic()
            yield counting
            ended = time.monotonic()
            _told(perf, control, done, b"disable\n")
            counting.longer_s = 0.5 * (enabled - began + time.monotonic() - ended)
        finally:
            os.close(control)
            os.close(done)
            perf.send_signal(signal.SIGINT)
            perf.wait(timeout=_ENDING_S)


def _told(perf: subprocess.Popen[bytes], control: int, done: int, command: bytes) -> None:
    """Give perf a command and wait until it has obeyed, or has ended."""
    os.write(control, command)
    end = time.monotonic() + _OBEYING_S
    while perf.poll() is None and time.monotonic() < end:
        if select.select([done], [], [], _POLL_S)[0]:
            os.read(done, len(b"ack\n\0"))
            return
