"""Who is compared: how each is installed, started, asked and ended. One worker each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[3]
RIVALS = Path(__file__).resolve().parent / "rivals"
START_S = 90

# One thread of arithmetic for each, as each has one worker.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "BENTOML_DO_NOT_TRACK": "True"}


@dataclass(frozen=True)
class Contestant:
    """Something that answers at a path; `bodies` names the kind of question it takes."""

    name: str
    says: str
    server: str
    path: str
    bodies: str


@dataclass
class Server:
    """A service that contestants are asked of, while it runs."""

    port: int
    process: subprocess.Popen
    ready: str
    log: Path
    _tree: list[psutil.Process] = field(default_factory=list)

    def url(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def wait(self) -> None:
        """Until it is ready. Raises RuntimeError with its log when it is not."""
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(self.url(self.ready), timeout=2):
                    own = psutil.Process(self.process.pid)
                    self._tree = [own, *own.children(recursive=True)]
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise RuntimeError(f"{self.log.stem} did not start:\n{self.log.read_text()[-2000:]}")

    def settle(self) -> None:
        """Until it has answered what an earlier load has left behind."""
        with urllib.request.urlopen(self.url(self.ready), timeout=START_S):
            pass

    def cpu_s(self) -> float:
        """Processor time that it has taken, all its processes together [s]."""
        times = [process.cpu_times() for process in self._tree]
        return sum(t.user + t.system for t in times)

    def rss_mb(self) -> float:
        """Resident memory of its largest process, the one worker [MB]."""
        return max(process.memory_info().rss for process in self._tree) / 1e6

    def stop(self) -> None:
        """End it and all that it started."""
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for process in self._tree:
            if process.is_running() and process.pid != self.process.pid:
                process.kill()


CONTESTANTS = (
    Contestant("nearmetal", "the whole document", "nearmetal", "/predict", "scenario"),
    Contestant("no-op", "endpoint of the same service", "nearmetal", "/noop", "scenario"),
    Contestant("no-op route", "route mounted in it", "nearmetal", "/noop-route", "scenario"),
    Contestant("FastAPI", "scikit-learn, mean and std", "fastapi", "/predict", "features"),
    Contestant("FastAPI, thread", "the same in a thread", "fastapi", "/predict-thread", "features"),
    Contestant("MLServer", "scikit-learn, mean", "mlserver", "/v2/models/gp/infer", "mlserver"),
    Contestant("MLflow", "signature and frame, mean", "mlflow", "/invocations", "frame"),
    Contestant("MLflow, bare", "no signature, mean", "mlflow-bare", "/invocations", "inputs"),
)


@contextmanager
def running(
    servers: Sequence[str], cache: Path, rows: Path, home: str, first_port: int
) -> Iterator[dict[str, Server]]:
    """The named servers, ready, on ports from the first one on; ended at the end."""
    started: dict[str, Server] = {}
    try:
        for place, name in enumerate(servers):
            # MLServer takes three ports: its other two lie above all others.
            started[name] = _start(name, cache, rows, home, first_port + place)
        for server in started.values():
            server.wait()
        yield started
    finally:
        for server in started.values():
            server.stop()


def _start(name: str, cache: Path, rows: Path, home: str, port: int) -> Server:
    environment = {**os.environ, **ONE_THREAD, **QUIET}
    if name == "nearmetal":
        command = [sys.executable, "-m", "bentoml", "serve"]
        command += ["tests.benchmarks.http.service:NearmetalService", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--working-dir", str(ROOT)]
        return _popen(name, command, {**environment, "BENTOML_HOME": home}, port, cache, "/readyz")
    python = _environment(name.split("-")[0], cache)
    folder = cache / f"{name}-model"
    fit = [str(python), str(RIVALS / "fit.py"), str(rows), str(folder), name]
    subprocess.run(fit, env=environment, check=True)
    environment["PATH"] = f"{python.parent}{os.pathsep}{environment['PATH']}"
    if name == "fastapi":
        environment["MODEL"] = str(folder / "model.joblib")
        command = [str(python), "-m", "uvicorn", "app:app", "--app-dir", str(RIVALS)]
        command += ["--port", str(port), "--no-access-log"]
        return _popen(name, command, environment, port, cache, "/ready")
    if name == "mlserver":
        _settle_mlserver(folder, port)
        command = [str(python.parent / "mlserver"), "start", str(folder)]
        return _popen(name, command, environment, port, cache, "/v2/models/gp/ready")
    command = [str(python.parent / "mlflow"), "models", "serve", "-m", str(folder / "model")]
    command += ["-p", str(port), "--env-manager", "local", "--workers", "1"]
    return _popen(name, command, environment, port, cache, "/ping")


def _popen(
    name: str, command: list[str], environment: dict[str, str], port: int, cache: Path, ready: str
) -> Server:
    log = cache / f"{name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=ROOT)
    return Server(port, process, ready, log)


def _settle_mlserver(folder: Path, port: int) -> None:
    """MLServer's files: the model in the server's own process, its quickest way."""
    settings = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": port + 50,
        "metrics_port": port + 51,
        "parallel_workers": 0,
    }
    model = {
        "name": "gp",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))


def _environment(name: str, cache: Path) -> Path:
    """The interpreter of a rival's environment, made when its requirements are not in it."""
    folder, wanted = cache / f"{name}-environment", RIVALS / f"{name}.txt"
    python, made = folder / "bin" / "python", folder / "requirements.txt"
    if not made.exists() or made.read_text() != wanted.read_text():
        make = ["uv", "venv", "-q", "--clear", "--python", "3.11", str(folder)]
        subprocess.run(make, check=True)
        install = ["uv", "pip", "install", "-q", "--python", str(python), "-r", str(wanted)]
        subprocess.run(install, check=True)
        made.write_text(wanted.read_text())
    return python
