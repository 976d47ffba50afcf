"""Chunks here, on processes and on a real Dask cluster of two workers, while things go wrong.

What ends workers stands last: they are started again for the next test.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import nullcontext
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from distributed import Client
from threadpoolctl import threadpool_limits

from features.errors import InvalidInput, WorkersLost
from models import cluster as dask_side
from models import processes
from models.executor import AHEAD, executor
from tests.models import chunks

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


class Machines:
    """A scheduler and two workers on loopback, started again when they were ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scheduler: subprocess.Popen | None = None
        self.workers: list[subprocess.Popen] = []
        self.address = ""
        self.awaited = False

    def ready(self, workers: int) -> None:
        if self.scheduler is None or self.scheduler.poll() is not None:
            self.end()
            place = self.folder / f"scheduler-{time.monotonic_ns()}.json"
            self.scheduler = self._start("scheduler", "--port", "0", "--scheduler-file", place)
            wait_for(lambda: place.exists() and place.read_text().endswith("}"))
            self.address = json.loads(place.read_text())["address"]
        self.workers = [w for w in self.workers if w.poll() is None]
        while len(self.workers) < workers:
            options = ("--nthreads", "1", "--no-nanny", "--local-directory", self.folder)
            self.workers.append(self._start("worker", self.address, *options))
            self.awaited = True
        if self.awaited:
            with Client(self.address, timeout=PATIENCE, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=PATIENCE)
            self.awaited = False

    def _start(self, *words: object) -> subprocess.Popen:
        line = [sys.executable, "-m", "dask", *map(str, words)]
        line += ["--host", "127.0.0.1", "--no-dashboard"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(line, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def end(self) -> None:
        for process in (*self.workers, *filter(None, [self.scheduler])):
            process.kill()
            process.wait()
        self.workers = []


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    made = Machines(tmp_path_factory.mktemp("dask"))
    yield made
    made.end()


@pytest.fixture
def address(machines):
    machines.ready(workers=2)
    return machines.address


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def local():
    with executor(jobs=1) as here, executor(jobs=2) as two:
        yield {"here": here, "processes": two}


@pytest.fixture
def run(request, local, address):
    name = request.param
    with nullcontext(local[name]) if name in local else executor(scheduler=address) as run:
        yield run


everywhere = pytest.mark.parametrize("run", ["here", "processes", "dask"], indirect=True)


@everywhere
def test_results_are_the_same_and_in_order(run):
    told: list[str] = []
    found = list(run.map(chunks.product, range(7), step=told.append))
    with threadpool_limits(1):
        np.testing.assert_array_equal(found, [chunks.product(i) for i in range(7)])
    assert told == [f"chunk {i}" for i in range(1, 8)]
    words = run.map(chunks.shifted, [(1, "a"), (2, "b")], shared={"by": 10})
    assert list(words) == [(11, "a"), (12, "b")]
    assert list(run.map(chunks.product, [])) == []


@everywhere
def test_items_are_taken_as_results_are(run):
    taken = count()
    results = run.map(chunks.slow, (next(taken) for _ in range(10**9)))
    assert list(islice(results, 5)) == [0, 1, 2, 3, 4]
    results.close()
    assert next(taken) <= 5 + AHEAD * 2
    # What was left of the one does not stand in the way of the next.
    assert list(run.map(chunks.slow, range(3))) == [0, 1, 2]


@everywhere
def test_what_a_chunk_raises_is_raised_as_it_is(run):
    results = run.map(chunks.refuses, range(6))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(InvalidInput, match=r"^rows.csv, row 7: cores: must be above 0$") as told:
        next(results)
    assert told.value.problems[0].field == "cores"
    with pytest.raises(FileNotFoundError, match=r"rows\.csv"):
        list(run.map(chunks.lacks, range(6)))


def test_a_chunk_that_kills_every_process_is_told(local, monkeypatch):
    monkeypatch.setattr(processes, "ATTEMPTS", 2)
    with pytest.raises(WorkersLost, match="process died in each of 2 attempts"):
        list(local["processes"].map(chunks.dies_always, range(6)))


def test_workers_of_another_nearmetal_are_refused(address, monkeypatch):
    monkeypatch.setattr(dask_side, "code", lambda: "0.2.0 (deadbeef)")
    with pytest.raises(WorkersLost, match=r"has nearmetal 0\S+ \(\w+\), not 0.2.0 \(deadbeef\)"):
        executor(scheduler=address).__enter__()


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch, capfd):
    monkeypatch.setattr(dask_side, "ANSWERS_WITHIN", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for _ in ("silent", "closed"):
            with pytest.raises(WorkersLost, match=rf":{port}: no answer within 0.5 s$"):
                executor(scheduler=f"tcp://127.0.0.1:{port}").__enter__()
            silent.close()
    assert capfd.readouterr().err == ""


def test_what_is_no_address_or_no_number_is_told(monkeypatch):
    for wrong in ("nowhere", "tcp://127.0.0.1", "tcp://127.0.0.1:x", ""):
        with pytest.raises(InvalidInput, match="^scheduler: .* is no address such as tcp"):
            executor(scheduler=wrong).__enter__()
    with pytest.raises(InvalidInput, match="^jobs: must be at least 1, not 0$"):
        executor(jobs=0).__enter__()
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InvalidInput, match=r"^scheduler: needs Dask.*pip install"):
        executor(scheduler="tcp://127.0.0.1:8786").__enter__()


ENDLESS = """
import sys, time
from itertools import count
from models.executor import executor
from tests.models.chunks import slow
with executor(**eval(sys.argv[1])) as run:
    for result in run.map(slow, count()):
        print(result, flush=True)
"""


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_ctrl_c_ends_it_and_every_process_of_it(name, address):
    place = {"jobs": 2} if name == "processes" else {"scheduler": address}
    # As from a terminal: the signal reaches every process of the group.
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, repr(place)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert [process.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert said.count("Traceback") == 1
    assert said.endswith("KeyboardInterrupt\n")
    wait_for(lambda: not alive(process.pid))
    if name == "dask":
        with executor(**place) as run:
            assert list(run.map(chunks.slow, range(3))) == [0, 1, 2]


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("run", ["processes", "dask"], indirect=True)
def test_a_killed_worker_changes_nothing(run, local, machines, tmp_path):
    mark = tmp_path / "killed"
    found = list(run.map(chunks.dies_once, [(i, str(mark)) for i in range(12)]))
    assert mark.exists()
    alive = sum(worker.poll() is None for worker in machines.workers)
    assert alive == (2 if run is local["processes"] else 1)
    with threadpool_limits(1):
        np.testing.assert_array_equal(found, [chunks.product(i) for i in range(12)])


def test_a_cluster_without_workers_is_told(machines, monkeypatch):
    machines.ready(workers=1)
    address = machines.address
    monkeypatch.setattr(dask_side, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(dask_side, "WORKERS_WITHIN", 0.5)

    def consume():
        with executor(scheduler=address) as run:
            for result in run.map(chunks.slow, range(1000)):
                if result == 3:
                    for worker in machines.workers:
                        worker.kill()

    with pytest.raises(WorkersLost, match="no worker for 0.5 s"):
        consume()
    monkeypatch.setattr(dask_side, "ANSWERS_WITHIN", 1.0)
    with pytest.raises(WorkersLost, match="has no workers; start some: dask worker tcp"):
        executor(scheduler=address).__enter__()


def test_a_lost_scheduler_is_one_line_and_leaves_what_was_handed_out(address, machines, capfd):
    kept = []

    def consume():
        with executor(scheduler=address) as run:
            for result in run.map(chunks.slow, range(1000)):
                kept.append(result)
                if result == 3:
                    machines.scheduler.kill()

    with pytest.raises(WorkersLost, match=rf"^scheduler {address} was lost"):
        consume()
    assert kept == list(range(len(kept)))
    assert 4 <= len(kept) < 1000
    assert capfd.readouterr().err == ""
