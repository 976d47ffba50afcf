"""The real service under load while things go wrong: who was answered, and who was not.

Each fault is a function of a running service and a load; what it returns is a row of the table.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from models.persistence import ARRAYS
from models.predictor import Predictor
from tests.serving.conftest import put

ROOT = Path(__file__).resolve().parents[2]
WEB = {"runtime": "gvisor", "workload": "web", "cores": 8}
HEADERS = {"content-type": "application/json"}
# Within this time every worker holds a new champion.
TAKEN_S = 5.0


@dataclass(frozen=True)
class Request:
    """One request of a load: from which port, when, and what came of it."""

    port: int
    sent: float
    done: float
    status: int = 0
    version: str = ""
    error: str = ""


@dataclass
class Row:
    """What a fault cost."""

    fault: str
    requests: list[Request]
    lost: list[Request] = field(default_factory=list)
    said: str = ""

    @property
    def answered(self) -> int:
        """Requests that were answered with 200."""
        return sum(r.status == 200 for r in self.requests)

    @property
    def failed(self) -> list[Request]:
        """Requests that were not."""
        return [r for r in self.requests if r.status != 200]

    @property
    def unexcused(self) -> list[Request]:
        """Failures that the fault does not explain."""
        return [r for r in self.failed if r not in self.lost]


class Load:
    """Clients that ask without a pause, each on a connection that it keeps for a while."""

    def __init__(self, port: int, clients: int = 6, body: object = WEB, keep: int = 50) -> None:
        self.port = port
        self.body = json.dumps(body).encode()
        self.keep = keep
        self.done: list[Request] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self) -> None:
        while not self._stop.is_set():
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                link.connect()
            except OSError as error:
                now = time.monotonic()
                self.done.append(Request(0, now, now, error=f"connect: {error}"))
                self._stop.wait(0.05)
                continue
            port = link.sock.getsockname()[1]
            for _ in range(self.keep):
                if self._stop.is_set() or not self._one(link, port):
                    break
            link.close()

    def _one(self, link: http.client.HTTPConnection, port: int) -> bool:
        sent = time.monotonic()
        try:
            link.request("POST", "/predict", self.body, HEADERS)
            response = link.getresponse()
            document = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            said = f"{type(error).__name__}: {error}"
            self.done.append(Request(port, sent, time.monotonic(), error=said))
            return False
        first = document[0] if isinstance(document, list) else document
        version = first.get("model", {}).get("version", "")
        self.done.append(Request(port, sent, time.monotonic(), response.status, version))
        return response.status == 200 and not response.will_close


@dataclass
class Service:
    """A service of two workers, in processes of its own."""

    process: subprocess.Popen
    port: int
    home: Path
    log: Path

    def workers(self) -> list[psutil.Process]:
        """The processes that answer."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "_bentoml_impl.worker.service" in child.cmdline():
                    found.append(child)
        return found

    def get(self, path: str) -> tuple[int, str]:
        """The status and text of a GET on a connection of its own."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            link.request("GET", path)
            response = link.getresponse()
            return response.status, response.read().decode()
        finally:
            link.close()

    def metric(self, name: str) -> float:
        """The sum of one series over its labels."""
        lines = [x for x in self.get("/metrics")[1].splitlines() if x.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def failures(self) -> float:
        """How many models all workers have refused."""
        return self.metric("nearmetal_reload_failures_total")

    def starts(self) -> int:
        """How often a worker was ready."""
        return self.log.read_text().count("is ready")

    def serving(self, version: str) -> float:
        """How many workers answer from a version."""
        return self.metric(f'nearmetal_champion_workers{{version="{version}"}}')


@contextlib.contextmanager
def running(predictor: Predictor, folder: Path, workers: int = 2) -> Iterator[Service]:
    """A service over a store of its own in `folder`."""
    home = folder / "bentoml"
    put(predictor, home, "v0")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "BENTOML_HOME": str(home), "NEARMETAL_HOME": str(folder)}
    for name in ("PROMETHEUS_MULTIPROC_DIR", "NEARMETAL_RELOAD_S", "NEARMETAL_API_KEY"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "nearmetal", "serve", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    service = Service(process, port, home, folder / "log")
    try:
        until(lambda: _ready(service, workers), 120, service)
        yield service
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                for left in (*psutil.Process(process.pid).children(recursive=True), process):
                    left.kill()


def until(holds: Callable[[], bool], within_s: float, service: Service) -> float:
    """Wait until something holds; the seconds that it took. Raises AssertionError."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if holds():
                return time.monotonic() - began
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not within {within_s} s; {service.log.read_text()[-3000:]}")
        time.sleep(0.05)


def _ready(service: Service, workers: int) -> bool:
    assert service.process.poll() is None, service.log.read_text()
    return service.metric("nearmetal_champion_workers") == workers


def nothing(service: Service, seconds: float) -> Row:
    """The yardstick: no fault at all."""
    with Load(service.port) as load:
        time.sleep(seconds)
    return Row("none", load.done)


def worker_killed(service: Service, seconds: float) -> Row:
    """kill -9 of a worker; another comes. Its own connections may fail, no other."""
    starts = service.starts()
    with Load(service.port) as load:
        time.sleep(seconds / 2)
        victim = service.workers()[0]
        # Held still, so that what it holds when it dies is known.
        victim.send_signal(signal.SIGSTOP)
        time.sleep(0.05)
        held = {c.raddr.port for c in victim.net_connections("tcp") if c.raddr}
        victim.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        back = until(lambda: service.starts() > starts, 60, service)
        time.sleep(seconds / 2)
    assert service.metric("nearmetal_champion_workers") == 2, "the dead are not counted"
    # Ports are used again by later connections: only what was under way then is excused.
    lost = [r for r in load.done if r.port in held and r.sent <= killed + 0.05 and r.status == 0]
    return Row("worker killed", load.done, lost, f"two workers again after {back:.1f} s")


def champion_swapped(service: Service, predictor: Predictor, times: int, pause_s: float) -> Row:
    """A new champion many times over; each answer is from one of them, the last from the last."""
    versions = [f"swap-{i}" for i in range(times)]
    with Load(service.port) as load:
        before = {r.version for r in load.done}
        for version in versions:
            put(replace(predictor, version=version), service.home, version)
            time.sleep(pause_s)
        took = until(lambda: service.serving(versions[-1]) == 2, TAKEN_S, service)
        settled = time.monotonic()
        time.sleep(0.5)
    seen = Counter(r.version for r in load.done if r.status == 200)
    late = {r.version for r in load.done if r.sent > settled and r.status == 200}
    assert late == {versions[-1]}, late
    assert set(seen) - before <= {*versions, *_stored(service)}, seen
    said = f"{len(set(seen) & set(versions))} versions seen, last by all {took:.1f} s later"
    return Row(f"champion swapped {times} times", load.done, said=said)


def _stored(service: Service) -> set[str]:
    folders = (service.home / "models" / "nearmetal").glob("*/manifest.json")
    return {json.loads(f.read_text())["version"] for f in folders}


def artifact_damaged(service: Service, predictor: Predictor) -> Row:
    """A new champion that is cut off: refused, counted by each worker, and the old one goes on."""
    failures = service.failures()
    with Load(service.port) as load:
        time.sleep(0.3)
        held = load.done[-1].version
        folder = put(replace(predictor, version="damaged"), service.home, "damaged")
        whole = (folder / ARRAYS).read_bytes()
        (folder / ARRAYS).write_bytes(whole[: len(whole) // 2])
        # A worker may have met it whole; what it refuses then is what is there now.
        until(
            lambda: service.metric("nearmetal_reload_failures_total") == failures + 2, 10, service
        )
        time.sleep(0.3)
        (folder / ARRAYS).write_bytes(whole)
        took = until(lambda: service.serving("damaged") == 2, TAKEN_S, service)
    seen = {r.version for r in load.done if r.status == 200}
    assert seen <= {held, "damaged"}, seen
    return Row("artifact damaged", load.done, said=f"mended, by all {took:.1f} s later")


def store_gone(service: Service) -> Row:
    """The whole model store away, and back: the champion goes on."""
    failures = service.failures()
    away = service.home.with_name("away")
    with Load(service.port) as load:
        service.home.rename(away)
        until(
            lambda: service.metric("nearmetal_reload_failures_total") == failures + 2, 10, service
        )
        ready = service.get("/readyz")[0]
        away.rename(service.home)
        assert ready == 200
        time.sleep(0.3)
    return Row("store deleted", load.done)


def store_read_only(service: Service, seconds: float) -> Row:
    """Nothing in the store can be written any more: serving does not need to."""
    with Load(service.port) as load, _unwritable(service.home) as how:
        time.sleep(seconds)
        assert service.get("/readyz")[0] == 200
    return Row("store read-only", load.done, said=how)


@contextlib.contextmanager
def _unwritable(folder: Path) -> Iterator[str]:
    """A folder that cannot be written: mounted so where that is allowed, by its modes elsewhere
    (which do not bind the superuser)."""
    mount = ["mount", "--bind", str(folder), str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
        try:
            remount = ["mount", "-o", "remount,bind,ro", str(folder)]
            if subprocess.run(remount, capture_output=True, check=False).returncode == 0:
                with contextlib.suppress(OSError):
                    (folder / "probe").touch()
                assert not (folder / "probe").exists()
                yield "mounted read-only"
                return
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    try:
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        yield "by its modes"
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


STORE = """
import resource, sys
from serving.store import load_champion
from training.promotion import put_champion
predictor = load_champion()
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
put_champion(predictor)
"""


def disk_full(service: Service, most_bytes: int = 2048) -> Row:
    """No room for a new champion: it is not stored, nothing of it is left, the old one goes on."""
    models = service.home / "models" / "nearmetal"
    before = sorted(p.name for p in models.iterdir()), (models / "latest").read_text()
    environment = {**os.environ, "BENTOML_HOME": str(service.home)}
    with Load(service.port) as load:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", STORE, str(most_bytes)],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        time.sleep(1.2)
    assert done.returncode != 0
    assert "no room" in done.stderr, done.stderr
    after = sorted(p.name for p in models.iterdir()), (models / "latest").read_text()
    assert after == before
    return Row("disk full", load.done)


def told_to_end(service: Service, many: int = 200) -> Row:
    """SIGTERM: what is under way is answered; after that nobody is."""
    body = [{**WEB, "cores": 1 + i % 64} for i in range(many)]
    with Load(service.port, clients=4, body=body, keep=1) as load:
        time.sleep(1.5)
        service.process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        code = service.process.wait(40)
        took = time.monotonic() - told
    assert "Traceback" not in service.log.read_text(), service.log.read_text()[-3000:]
    lost = [r for r in load.done if r.sent > told - 0.02 and r.status == 0]
    across = sum(r.sent < told < r.done and r.status == 200 for r in load.done)
    said = f"{across} under way were answered, ended with {code} after {took:.1f} s"
    return Row("SIGTERM", load.done, lost, said)
