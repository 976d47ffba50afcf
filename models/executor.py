"""Where chunks of work run: in this process, on the cores of this machine, or on a Dask cluster.

`map` is the same everywhere: results come in the order of the items, only a few items are under
way at once, and what a dead worker had is worked again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import joblib
from threadpoolctl import threadpool_limits

from features.errors import InvalidInput, Problem

Step = Callable[[str], object]

# Under way for each worker: one that runs and one that waits, so that no worker waits for us.
AHEAD = 2


class Executor(Protocol):
    """Runs a function over items, `workers` of them at once (as far as is known)."""

    @property
    def workers(self) -> int: ...

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        shared: Any = None,
        step: Step | None = None,
    ) -> Iterator[Any]:
        """function(item), or function(shared, item) if something is shared, in the items' order.

        Function, items and results are pickled; what is shared is sent to each worker once and
        must not be changed. Items are taken as they are needed. `step` is told of each result.

        Raises what the function raises, and WorkersLost where workers or scheduler are lost for
        good; results handed out before stand.
        """
        ...


@contextmanager
def executor(scheduler: str | None = None, jobs: int | None = None) -> Iterator[Executor]:
    """`jobs` processes here, 1 being this one [the cores], or the workers of a Dask scheduler.

    Raises InvalidInput for an address that is none or a Dask that is not installed, WorkersLost
    for a scheduler that does not answer, has no workers, or workers of another nearmetal.
    """
    if jobs is not None and jobs < 1:
        raise InvalidInput([Problem("jobs", f"must be at least 1, not {jobs}")])
    if scheduler is not None:
        from models.cluster import cluster

        with cluster(scheduler) as run:
            yield run
        return
    jobs = jobs or joblib.cpu_count()
    if jobs == 1:
        yield _Here()
        return
    from models.processes import processes

    with processes(jobs) as run:
        yield run


def in_order(
    items: Iterable[Any],
    submit: Callable[[Any], Any],
    result: Callable[[Any], Any],
    cancel: Callable[[Any], object],
    ahead: Callable[[], int],
    step: Step | None,
) -> Iterator[Any]:
    """Results in order with `ahead` items under way.

    `submit` starts an item and gives a handle, `result` waits for a handle's; handles that are
    left when the caller stops, or something fails, are cancelled.
    """
    coming = iter(items)
    under_way: deque[Any] = deque()
    done = 0
    more = True
    try:
        while True:
            while more and len(under_way) < ahead():
                try:
                    item = next(coming)
                except StopIteration:
                    more = False
                else:
                    under_way.append(submit(item))
            if not under_way:
                return
            found = result(under_way[0])
            under_way.popleft()
            done += 1
            if step is not None:
                step(f"chunk {done}")
            yield found
            del found
    finally:
        for handle in under_way:
            cancel(handle)


class _Here:
    """In this process, one after the other."""

    workers = 1

    def map(
        self,
        function: Callable[..., Any],
        items: Iterable[Any],
        *,
        shared: Any = None,
        step: Step | None = None,
    ) -> Iterator[Any]:
        first = () if shared is None else (shared,)
        for done, item in enumerate(items, 1):
            # As workers do it, so that sums are the same to the last digit.
            with threadpool_limits(1):
                found = function(*first, item)
            if step is not None:
                step(f"chunk {done}")
            yield found
            del found
