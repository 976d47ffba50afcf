"""Chunks on the cores of this machine, by processes with a pipe each.

A process that dies takes its chunks with it and nothing else: no queue and no lock is shared
(pools that share them may hang when a process is killed while it writes).
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from features.errors import NearmetalError, WorkersLost
from models.executor import AHEAD, Step, in_order

# How often a chunk may see its process die before it is held to be the cause.
ATTEMPTS = 3
# A call that surely fits into a pipe waits in it for a process that is at work.
_FITS = 16_384
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@contextmanager
def processes(jobs: int) -> Iterator[Processes]:
    """`jobs` processes; none of them is left when the block ends, however it does."""
    with tempfile.TemporaryDirectory(prefix="nearmetal-") as folder:
        run = Processes(jobs, Path(folder))
        try:
            yield run
        finally:
            run.end()


class _Call:
    """A call as it is sent, and what came of it: (whether it returned, pickled)."""

    def __init__(self, sent: bytes) -> None:
        self.sent = sent
        self.begun = 0
        self.outcome: tuple[bool, bytes] | None = None


class _Process:
    """A process with the calls that it was sent, the first of which it is at."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.calls: deque[_Call] = deque()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        # Ctrl-C reaches every process of a terminal, this one before it can say that it does not
        # mind: it is ended by its parent.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        theirs.close()

    def takes(self, call: _Call) -> bool:
        """Whether a call can be sent without waiting for it to be read."""
        return not self.calls or (len(self.calls) < AHEAD and len(call.sent) <= _FITS)

    def send(self, call: _Call) -> None:
        """Begin a call. A process that is dead is found to be when its answer is read."""
        self.calls.append(call)
        with suppress(BrokenPipeError):
            self.pipe.send_bytes(call.sent)

    def end(self) -> None:
        """Kill it."""
        self.pipe.close()
        self._process.kill()
        self._process.join()


class Processes:
    """An Executor on processes of this machine."""

    def __init__(self, jobs: int, folder: Path) -> None:
        self.workers = jobs
        self._folder = folder
        self._shared = 0
        self._processes: list[_Process] = []
        self._waiting: deque[_Call] = deque()

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        shared: Any = None,
        step: Step | None = None,
    ) -> Iterator[Any]:
        place = None if shared is None else self._kept(shared)

        def submit(item: Any) -> _Call:
            call = _Call(pickle.dumps((function, place, item)))
            self._waiting.append(call)
            self._send()
            return call

        return in_order(
            items, submit, self._result, self._cancel, lambda: AHEAD * self.workers, step
        )

    def end(self) -> None:
        """End the processes, without waiting for what they are at."""
        for process in self._processes:
            process.end()
        self._processes = []

    def _kept(self, shared: Any) -> str:
        self._shared += 1
        path = self._folder / str(self._shared)
        path.write_bytes(pickle.dumps(shared))
        return str(path)

    def _result(self, call: _Call) -> Any:
        while call.outcome is None:
            self._send()
            busy = {p.pipe: p for p in self._processes if p.calls}
            for pipe in wait(list(busy)):
                self._take(busy[pipe])  # type: ignore[index]
        returned, found = call.outcome
        if returned:
            return pickle.loads(found)
        raise pickle.loads(found)

    def _cancel(self, call: _Call) -> None:
        # One that was sent is worked, and its result forgotten.
        with suppress(ValueError):
            self._waiting.remove(call)

    def _send(self) -> None:
        while self._waiting:
            call = self._waiting[0]
            free = [p for p in self._processes if p.takes(call)]
            idle = [p for p in free if not p.calls]
            if not idle and len(self._processes) < self.workers:
                idle = [_Process()]
                self._processes += idle
            if not (idle or free):
                return
            (idle or free)[0].send(self._waiting.popleft())

    def _take(self, process: _Process) -> None:
        """One answer of a process, or the calls of one that is dead."""
        try:
            returned = process.pipe.recv_bytes() == b"1"
            outcome = (returned, process.pipe.recv_bytes())
        except (EOFError, OSError):
            self._processes.remove(process)
            process.end()
            self._waiting.extendleft(reversed(process.calls))
            at = process.calls[0]
            at.begun += 1
            if at.begun == ATTEMPTS:
                said = f"a process died in each of {ATTEMPTS} attempts at the same chunk"
                raise WorkersLost(f"{said}; is there too little memory?") from None
        else:
            process.calls.popleft().outcome = outcome
        self._send()


def _serve(pipe: Connection) -> None:
    """Work the calls of a pipe until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(_ONE_THREAD)
    threadpool_limits(1)
    with suppress(EOFError, OSError):
        while True:
            sent = pipe.recv_bytes()
            returned, outcome = _worked(sent)
            pipe.send_bytes(b"1" if returned else b"0")
            pipe.send_bytes(outcome)


def _worked(sent: bytes) -> tuple[bool, bytes]:
    try:
        function, place, item = pickle.loads(sent)
        found = function(item) if place is None else function(_read(place), item)
        return True, pickle.dumps(found)
    except Exception as error:
        if not isinstance(error, NearmetalError):
            error.add_note("in a process of its own:\n" + traceback.format_exc())
        try:
            return False, pickle.dumps(error)
        except Exception:
            return False, pickle.dumps(RuntimeError(repr(error)))


@lru_cache(maxsize=1)
def _read(place: str) -> Any:
    return pickle.loads(Path(place).read_bytes())
