"""The memory of a process and of those that it starts."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable

import psutil

_EVERY_S = 0.2


def peak_of(process: subprocess.Popen[str]) -> Callable[[], int]:
    """Sample a process and its children until it ends; the greatest sum so far [bytes].

    Of pages that several share each counts its part (proportional set size).
    """
    peak = 0

    def watch() -> None:
        nonlocal peak
        while process.poll() is None:
            peak = max(peak, _size(process.pid))
            stop.wait(_EVERY_S)

    stop = threading.Event()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()

    def told() -> int:
        thread.join()
        return peak

    return told


def _size(pid: int) -> int:
    total = 0
    try:
        parent = psutil.Process(pid)
        for one in (parent, *parent.children(recursive=True)):
            try:
                total += one.memory_full_info().pss
            except psutil.Error:
                continue
    except psutil.Error:
        pass
    return total
