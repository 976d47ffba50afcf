"""Event counts of a process tree from `perf stat`, which slows it far less than strace."""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# perf's name of each event, and ours. A bio is queued in the context of the task that reads or
# flushes; what the kernel writes back later on its own is not the program's and not counted.
EVENTS = {
    "raw_syscalls:sys_enter": "syscalls",
    "context-switches": "switches",
    "page-faults": "faults",
    "block:block_bio_queue": "io_ops",
}
_ATTACHING_S = 0.4


def parse_perf(text: str) -> dict[str, float]:
    """The counts of `perf stat -x,` by our names; an event that was not counted is left out."""
    counts = {}
    for line in text.splitlines():
        cells = line.split(",")
        if line.startswith("#") or len(cells) < 3 or cells[2] not in EVENTS:
            continue
        try:
            value = float(cells[0])
        except ValueError:  # "<not supported>", "<not counted>"
            continue
        if math.isfinite(value):
            counts[EVENTS[cells[2]]] = value
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
    return ["perf", "stat", "-x,", "-o", str(output), "-e", ",".join(events)]


@contextmanager
def attached(events: Sequence[str], pids: Sequence[int], output: Path) -> Iterator[None]:
    """Count the events of processes and of what they start, while the block runs."""
    asked = [*perf_command(events, output), "-p", ",".join(map(str, pids))]
    perf = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(_ATTACHING_S)
        yield
    finally:
        perf.send_signal(signal.SIGINT)
        perf.wait(timeout=10)
