"""Chunks on the cores of this machine, by joblib's processes."""

from __future__ import annotations

import pickle
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from joblib.externals.loky.process_executor import ProcessPoolExecutor
from threadpoolctl import threadpool_limits

from features.errors import WorkersLost
from models.executor import AHEAD, Step, in_order

# How often a chunk may see its process die before it is held to be the cause.
ATTEMPTS = 3
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


@dataclass
class _UnderWay:
    """A call that is being worked, and how often it was begun."""

    call: tuple[Any, ...]
    future: Future
    attempts: int = 1


class Processes:
    """An Executor on processes of this machine."""

    def __init__(self, jobs: int, folder: Path) -> None:
        self.workers = jobs
        self._folder = folder
        self._shared = 0
        self._pool = self._started()

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, initializer=_begin, env=_ONE_THREAD)

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        shared: Any = None,
        step: Step | None = None,
    ) -> Iterator[Any]:
        place = None if shared is None else self._kept(shared)

        def submit(item: Any) -> _UnderWay:
            call = (_work, function, place, item)
            return _UnderWay(call, self._submitted(call))

        return in_order(
            items,
            submit,
            self._result,
            # A pool does not end whose queue holds cancelled work; what is left is a few chunks.
            lambda _: None,
            lambda: AHEAD * self.workers,
            step,
        )

    def _kept(self, shared: Any) -> str:
        self._shared += 1
        path = self._folder / str(self._shared)
        path.write_bytes(pickle.dumps(shared))
        return str(path)

    def _submitted(self, call: tuple[Any, ...]) -> Future:
        try:
            return self._pool.submit(*call)
        except BrokenProcessPool:
            self.end()
            self._pool = self._started()
            return self._pool.submit(*call)

    def _result(self, handle: _UnderWay) -> Any:
        while True:
            try:
                return handle.future.result()
            except BrokenProcessPool:
                # All that was under way is lost with one process.
                if handle.attempts == ATTEMPTS:
                    raise WorkersLost(
                        f"a process died in each of {ATTEMPTS} attempts at the same chunk; "
                        "is there too little memory?"
                    ) from None
                handle.attempts += 1
                handle.future = self._submitted(handle.call)

    def end(self) -> None:
        """End the processes, without waiting for what they are at."""
        self._pool.shutdown(wait=True, kill_workers=True)


def _begin() -> None:
    # Ctrl-C reaches every process of the terminal; this one is ended by its parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threadpool_limits(1)


def _work(function: Callable[..., Any], place: str | None, item: Any) -> Any:
    return function(item) if place is None else function(_read(place), item)


@lru_cache(maxsize=1)
def _read(place: str) -> Any:
    return pickle.loads(Path(place).read_bytes())
