"""System calls told apart exactly, by strace in a run of its own: it slows what it watches, so no
time is taken of it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datasets.profiling.counting import Counter
from datasets.tracing.calls import CallCounts, count_calls
from datasets.tracing.processes import tree
from features.errors import InvalidInput, Problem


def strace_command(argv: Sequence[str]) -> CallCounts:
    """System calls by class of one more run of a command under strace; no time is taken of it."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "strace"
        asked = [*_strace(output), "--", *argv]
        quiet: Any = subprocess.DEVNULL
        done = subprocess.run(asked, stdout=quiet, stderr=quiet, check=False)
        if done.returncode:
            said = f"the program ended with {done.returncode} under strace"
            raise InvalidInput([Problem("strace", said)])
        return _read_strace(output)


def strace_process(
    pid: int, seconds: float, counter: Counter | None
) -> tuple[CallCounts, float | None]:
    """System calls by class of a running tree under strace for some seconds, and the operations
    that it did meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "strace"
        asked = _strace(output)
        for each in tree(pid):
            asked += ["-p", str(each)]
        strace = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)  # For it to attach.
            before = None if counter is None else counter()
            time.sleep(seconds)
            done = None if counter is None or before is None else counter() - before
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(timeout=20)
        return _read_strace(output), done


def _strace(output: Path) -> list[str]:
    if shutil.which("strace") is None:
        raise InvalidInput([Problem("strace", "is not installed (package strace)")])
    return ["strace", "-f", "-yy", "-qq", "-s0", "-o", str(output)]


def _read_strace(output: Path) -> CallCounts:
    try:
        with output.open(encoding="utf-8", errors="replace") as lines:
            counts = count_calls(lines)
    except OSError:
        counts = CallCounts()
    if counts.total == 0.0:
        raise InvalidInput([Problem("strace", "saw no system call; may it trace here?")])
    return counts
