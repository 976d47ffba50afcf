"""What one thing costs more than another on this machine, asked of a program in repetitions."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.measuring.conditions import moment
from datasets.measuring.session import ANSWER_S, Broken, Session

Array = NDArray[np.float64]
Step = Callable[[str], None]
# Repetitions of which a range can be told.
_LEAST = 3

# The program's names and what each difference is, in the order in which they are asked for.
ASKED: Mapping[str, str] = {
    "call": "a system call (getppid)",
    "seccomp-cached": "the same under 300 rules on its number, which the kernel remembers",
    "seccomp-short": "the same under 30 rules that are run at each call",
    "seccomp-long": "the same under 300 rules that are run at each call",
    "overlay-open": "open and close of an image's file through an overlay, against a plain file",
    "overlay-read": "pread of 4 KiB from the page cache through an overlay, against a plain file",
    "overlay-write": "pwrite of 4 KiB to the page cache through an overlay, against a plain file",
    "switch": "a switch between two processes on one processor, without the pipe's calls",
    "page-fault": "first touch of a 4 KiB page",
    "group-switch": "a switch between two processes in a control group of their own",
    "group-fault": "first touch of a 4 KiB page in a control group of its own",
    "page-walk": "dependent load over 32 MiB on 4 KiB pages, against 2 MiB pages",
    "veth": "a pair of virtual devices and a bridge, passed there and back by 64 bytes over UDP",
    "clock": "a cycle: an addition that waits for the one before",
    "cpuid": "cpuid, which leaves the guest",
}
# And those that gVisor's platforms are asked for.
PLATFORMS: Mapping[str, str] = {f"runsc-{one}": one for one in ("ptrace", "systrap", "kvm")}
TITLES: Mapping[str, str] = {
    **ASKED,
    **{
        name: f"a system call (getppid) in gVisor's {platform}, against native"
        for name, platform in PLATFORMS.items()
    },
}


@dataclass(frozen=True)
class Delta:
    """A difference [ns] in each repetition: what it is of and against, NaN where it failed."""

    name: str
    base: Array
    full: Array

    @property
    def difference(self) -> Array:
        """(repetitions,) [ns]."""
        return self.full - self.base


@dataclass(frozen=True)
class Taken:
    """All differences that could be taken, why each other could not, and each repetition's
    conditions."""

    deltas: Mapping[str, Delta]
    left_out: Mapping[str, str]
    conditions: list[dict[str, Any]]


class _Calibrator(Session):
    """A running instance of the calibration's program."""

    def compare(self, name: str, budget_ms: float) -> tuple[float, float] | str:
        """What a thing is measured against and it itself [ns], or why neither is known.

        Raises Broken when the instance does not answer.
        """
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{name} {budget_ms:g}\n".encode())
            self.process.stdin.flush()
        except OSError:
            raise Broken(self._why("it has ended")) from None
        return _parsed(name, self._line(ANSWER_S))


def _parsed(name: str, line: str) -> tuple[float, float] | str:
    words = line.split()
    if words[:2] == [name, "cannot"]:
        return " ".join(words[2:])[:200]
    try:
        told, _, base, _, full, _, windows = words
        figures = float(base), float(full)
        good = told == name and int(windows) > 0 and 0.0 <= figures[0] < np.inf
    except ValueError:
        good = False
    if not good or not 0.0 < figures[1] < np.inf:
        raise Broken(f"it answered {line[:80]!r}")
    return figures


def take(
    command: Sequence[str],
    folder: Path,
    not_here: Mapping[str, str],
    repetitions: int,
    budget_ms: float,
    step: Step,
) -> Taken:
    """Ask the program for every difference in each of the repetitions, but for those `not_here`.
    What cannot be taken in the first is not asked for again; what fails later is missing there,
    and left out where too few remain. Raises Broken when no instance starts."""
    figures = {name: np.full((2, repetitions), np.nan) for name in ASKED}
    why = dict(not_here)
    conditions = []
    for turn in range(repetitions):
        before = moment(time.monotonic)
        with _asking(command, folder / "log") as ask:
            for name in ASKED:
                if np.isnan(figures[name]).all() and name in why:
                    continue
                try:
                    told = ask(name, budget_ms)
                except Broken as broken:
                    told = str(broken)
                if isinstance(told, str):
                    why[name] = told
                else:
                    figures[name][:, turn] = told
                step(name)
        conditions.append(before.until(moment(time.monotonic)))
    counts = {name: int(np.isfinite(taken[0]).sum()) for name, taken in figures.items()}
    return Taken(
        {n: Delta(n, *figures[n]) for n in ASKED if counts[n] >= _LEAST},
        {n: why[n] for n in ASKED if counts[n] < _LEAST},
        conditions,
    )


@contextlib.contextmanager
def _asking(command: Sequence[str], log: Path) -> Iterator[Callable[[str, float], tuple | str]]:
    """How an instance is asked; after one that broke, another. Raises Broken where none starts."""
    running = [_Calibrator(command, log)]

    def ask(name: str, budget_ms: float) -> tuple[float, float] | str:
        try:
            return running[-1].compare(name, budget_ms)
        except Broken:
            running.pop().close()
            running.append(_Calibrator(command, log))
            raise

    try:
        yield ask
    finally:
        for one in running:
            one.close()
