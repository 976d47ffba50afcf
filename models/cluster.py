"""Chunks on a Dask cluster: the same calls, on workers that may die.

Every chunk is a task of its own, which the scheduler gives to another worker when one dies. What
the workers share is the result of a task as well, so that it is not lost with them.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import logging
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from threadpoolctl import threadpool_limits

from features.errors import InvalidInput, NearmetalError, Problem, WorkersLost
from models.executor import AHEAD, Step, in_order

# Seconds: for an answer of the scheduler; between two looks at who works; and without any worker
# before the run is given up, for a cluster may be replacing them; and for one result to come.
ANSWERS_WITHIN = 8.0
LOOK_EVERY = 5.0
WORKERS_WITHIN = 60.0
FETCHED_WITHIN = 120.0
# What fails for no fault of the input (a file system that is away) is tried so often again.
RETRIES = 2

_ADDRESS = re.compile(r"[a-z]+://\S+:\d{1,5}")
_ROOMS = ("features", "datasets", "models", "training", "serving")
_LOGGERS = ("distributed", "distributed.client", "tornado.application", "asyncio")


@contextmanager
def cluster(scheduler: str) -> Iterator[Cluster]:
    """The workers of a scheduler. Raises as `executor` does."""
    try:
        import dask
        import distributed
    except ImportError:
        said = "needs Dask, which is not installed: pip install 'nearmetal[dask]'"
        raise InvalidInput([Problem("scheduler", said)]) from None
    if not _ADDRESS.fullmatch(scheduler):
        said = f"{scheduler!r} is no address such as tcp://host:8786"
        raise InvalidInput([Problem("scheduler", said)])
    with ExitStack() as stack:
        stack.enter_context(_silenced())
        # What is shared is large on purpose, and sent once.
        settings = {"distributed.admin.large-graph-warning-threshold": "1TiB"}
        stack.enter_context(dask.config.set(settings))
        try:
            # A client alone would wait without end for one that takes the call and says nothing.
            asyncio.run(_answers(scheduler))
            client = distributed.Client(scheduler, timeout=ANSWERS_WITHIN, set_as_default=False)
        except ValueError as error:
            raise InvalidInput([Problem("scheduler", f"{scheduler}: {error}")]) from None
        except OSError:
            said = f"scheduler {scheduler}: no answer within {ANSWERS_WITHIN:g} s"
            raise WorkersLost(said) from None
        stack.callback(_close, client)
        run = Cluster(client, scheduler)
        run.check()
        yield run


class Cluster:
    """An Executor on the workers of a Dask scheduler."""

    def __init__(self, client: Any, scheduler: str) -> None:
        self._client = client
        self._scheduler = scheduler
        self._looked = -LOOK_EVERY
        self._seen = monotonic()
        self._workers = 0

    @property
    def workers(self) -> int:
        """Threads of all workers, as of a few seconds ago."""
        if monotonic() - self._looked > LOOK_EVERY:
            self._look()
        return self._workers

    def check(self) -> None:
        """Raises WorkersLost without workers, or with some that have another nearmetal."""
        deadline = monotonic() + ANSWERS_WITHIN
        while not self.workers:
            if monotonic() < deadline:  # they may be starting
                sleep(0.1)
                self._look()
                continue
            said = "has no workers; start some: dask worker"
            raise WorkersLost(f"scheduler {self._scheduler} {said} {self._scheduler}")
        ours = code()

        # Sent as it stands, for it must run where there is no nearmetal too.
        def theirs() -> str:
            try:
                from models.cluster import code
            except ImportError:
                return ""
            return code()

        with self._told():
            found = {"the scheduler": self._client.run_on_scheduler(theirs)}
            found |= {f"worker {at}": it for at, it in self._client.run(theirs).items()}
        for name, it in found.items():
            if it != ours:
                raise WorkersLost(f"scheduler {self._scheduler}: {_other(name, it, ours)}")

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        shared: Any = None,
        step: Step | None = None,
    ) -> Iterator[Any]:
        # A dependency of every chunk: workers hand it on, and the scheduler makes it again.
        first = () if shared is None else (self._submit(_kept, pickle.dumps(shared)),)
        ours = code()

        def submit(item: Any) -> Any:
            # Pickled here, so that Dask does not look for tasks inside.
            return self._submit(_work, ours, pickle.dumps((function, item)), *first)

        return in_order(
            items,
            submit,
            self._result,
            self._cancel,
            lambda: max(1, AHEAD * self.workers),
            step,
        )

    def _submit(self, *call: Any) -> Any:
        with self._told():
            return self._client.submit(*call, pure=False, retries=RETRIES)

    def _result(self, future: Any) -> Any:
        with self._told():
            while True:
                try:
                    found = future.result(FETCHED_WITHIN if future.done() else LOOK_EVERY)
                    break
                except TimeoutError:
                    if future.status == "error":
                        raise
                    self._look()
                    self._check_manned()
        future.release()
        if isinstance(found, _Refused):
            raise found.error
        return found

    def _cancel(self, future: Any) -> None:
        with suppress(Exception):
            future.cancel()

    def _look(self) -> None:
        """Count the workers."""
        ask = self._client.scheduler.identity
        try:
            identity = self._client.sync(ask, n_workers=-1, callback_timeout=ANSWERS_WITHIN)
        except (CancelledError, OSError):
            raise self._lost() from None
        self._looked = monotonic()
        self._workers = sum(w["nthreads"] for w in identity["workers"].values())
        if self._workers:
            self._seen = self._looked

    def _check_manned(self) -> None:
        if self._looked - self._seen > WORKERS_WITHIN:
            said = f"no worker for {WORKERS_WITHIN:g} s"
            raise WorkersLost(f"scheduler {self._scheduler}: {said}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What Dask raises for a cluster that is lost, as WorkersLost."""
        from distributed import KilledWorker

        try:
            yield
        except KilledWorker as error:
            said = f"a chunk was given to {error.allowed_failures + 1} workers, and each died"
            raise WorkersLost(f"scheduler {self._scheduler}: {said}") from None
        except CancelledError:
            raise self._lost() from None
        except OSError:
            # A chunk's own, as long as there is someone who could have worked it.
            if self._client.status == "running":
                raise
            raise self._lost() from None

    def _lost(self) -> WorkersLost:
        return WorkersLost(f"scheduler {self._scheduler} was lost, and with it what was under way")


async def _answers(scheduler: str) -> None:
    from distributed import rpc

    async with asyncio.timeout(ANSWERS_WITHIN), rpc(scheduler, timeout=ANSWERS_WITHIN) as asked:
        await asked.identity(n_workers=0)


class _Refused:
    """What the input is to blame for: handed back as a result, for trying again is no use."""

    def __init__(self, error: NearmetalError) -> None:
        self.error = error


def _work(ours: str, call: bytes, *first: Any) -> Any:
    try:
        if code() != ours:
            raise WorkersLost(_other("a worker", code(), ours))
        _one_thread()
        function, item = pickle.loads(call)
        return function(*first, item)
    except NearmetalError as error:
        return _Refused(error)


def _kept(shared: bytes) -> Any:
    return pickle.loads(shared)


@cache
def _one_thread() -> None:
    """A worker has a core for each of its threads."""
    threadpool_limits(1)


@cache
def code() -> str:
    """Version of nearmetal and digest of what results depend on: its code and its tables."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".py", ".toml", ".csv"):
                digest.update(path.relative_to(root).as_posix().encode() + b"\0")
                digest.update(path.read_bytes())
    return f"{importlib.metadata.version('nearmetal')} ({digest.hexdigest()[:8]})"


def _other(name: str, theirs: str, ours: str) -> str:
    if not theirs:
        return f"{name} has no nearmetal; install {ours} there"
    return f"{name} has nearmetal {theirs}, not {ours} as here"


def _close(client: Any) -> None:
    with suppress(Exception):
        client.close(timeout=2)


@contextmanager
def _silenced() -> Iterator[None]:
    """Dask's log of a failure, beside the one line that tells of it."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
