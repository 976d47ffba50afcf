"""A running instance of the program that is asked for one benchmark after the other.

It waits between questions, so that the instances of all runtimes stand side by side and each
benchmark is measured in turn within fractions of a second.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.measuring.interrupts import held

ANSWER_S = 60.0
START_S = 30.0
_END_S = 5.0
_TOLD = 200


class Broken(Exception):
    """An instance did not start, died, or does not answer."""


@dataclass(frozen=True)
class Answer:
    """What a benchmark took [ns per operation], the least over `windows` windows.

    `huge` is the share of its memory on huge pages, None where nothing tells. `cannot` says why
    there is no figure, "" when there is one.
    """

    ns: float = 0.0
    windows: int = 0
    huge: float | None = None
    cannot: str = ""


class Session:
    """One instance, from its start to its end; a context manager."""

    def __init__(self, command: Sequence[str], log: Path, cpus: Collection[int] = ()) -> None:
        """Start `command`, on the processors `cpus` where some are named. Raises Broken."""
        self.log = log
        self._rest = b""
        start = time.perf_counter()
        self.process: subprocess.Popen[bytes] | None = None
        try:
            with held(), log.open("wb") as errors, _on(cpus):
                # A process group of its own: an interrupt from the keyboard is ours to handle.
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,
                )
            if self._line(START_S) != "ready":
                raise Broken(self._why("it does not speak as the program does"))
        except OSError as error:
            self.close()
            raise Broken(error.strerror or str(error)) from None
        except BaseException:
            self.close()
            raise
        self.start_ms = (time.perf_counter() - start) * 1e3

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(
        self,
        benchmark: str,
        budget_ms: float,
        payload: int = 0,
        workers: int = 1,
        address: str = "",
    ) -> Answer:
        """Measure one benchmark. Raises Broken when the instance does not answer."""
        assert self.process is not None
        assert self.process.stdin is not None
        try:
            line = f"{benchmark} {budget_ms:g} {payload} {workers} {address}"
            self.process.stdin.write(f"{line.strip()}\n".encode())
            self.process.stdin.flush()
        except OSError:
            raise Broken(self._why("it has ended")) from None
        return _answer(benchmark, self._line(ANSWER_S))

    def close(self) -> None:
        """End the instance: it ends by itself when nobody asks any more, else it is killed."""
        process = self.process
        if process is None:
            return
        for stream in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _line(self, limit_s: float) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        end = time.monotonic() + limit_s
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise Broken(self._why(f"it has not answered for {limit_s:g} s"))
            piece = os.read(descriptor, 4096)
            if not piece:
                self.process.wait()
                raise Broken(self._why("it has ended"))
            self._rest += piece
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode(errors="replace").strip()

    def _why(self, what: str) -> str:
        """What went wrong, with the last line that the runtime said."""
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f"{what}: {lines[-1].strip()[:_TOLD]}" if lines else what


@contextlib.contextmanager
def _on(cpus: Collection[int]) -> Iterator[None]:
    """What is started within it runs on `cpus`: a child has its parent's processors."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _answer(benchmark: str, line: str) -> Answer:
    words = line.split()
    if words[:2] == [benchmark, "cannot"]:
        return Answer(cannot=" ".join(words[2:]))
    try:
        name, _, ns, _, windows, _, huge = words
        told = Answer(float(ns), int(windows), float(huge) if float(huge) >= 0 else None)
    except ValueError:
        raise Broken(f"it answered {line[:80]!r}") from None
    if name != benchmark or told.ns <= 0:
        raise Broken(f"it answered {line[:80]!r}")
    return told
