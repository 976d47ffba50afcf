"""The real service: a process of its own, over HTTP, until it is interrupted."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.serving.conftest import put

ROOT = Path(__file__).resolve().parents[2]
WEB = {"runtime": "gvisor", "workload": "web"}
SERVE = """
import sys, typer, serving.cli
app = typer.Typer()
app.callback()(lambda: None)
serving.cli.register(app, lambda: None)
app(["serve", "--port", sys.argv[1]])
"""


@dataclass(frozen=True)
class Live:
    """A running service."""

    process: subprocess.Popen
    http: httpx.Client
    log: Path


@pytest.fixture(scope="module")
def live(predictor, tmp_path_factory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    put(predictor, folder / "bentoml")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {**os.environ, "BENTOML_HOME": str(folder / "bentoml")}
    del environment["PROMETHEUS_MULTIPROC_DIR"], environment["NEARMETAL_RELOAD_S"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        try:
            _wait_until_ready(process, http, folder / "log")
            yield Live(process, http, folder / "log")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(20)


def _wait_until_ready(process: subprocess.Popen, http: httpx.Client, log: Path) -> None:
    for _ in range(900):
        assert process.poll() is None, log.read_text()
        try:
            if http.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_it_predicts_and_compares(live):
    assert 0 < live.http.post("/predict", json=WEB).json()["retained"] < 1
    document = live.http.post("/compare", json={"workload": "web"}).json()
    assert len(document["predictions"]) > 5
    assert live.http.get("/model").json()["version"] == "7"
    assert 'endpoint="/compare"' in live.http.get("/metrics").text
    assert "/predict" in live.http.get("/docs.json").json()["paths"]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b'{"cores": NaN}', "headers": {"content-type": "application/json"}}, 400),
        ({"content": b" " * (9 * 2**20), "headers": {"content-type": "application/json"}}, 413),
        ({"data": {"runtime": "vm"}}, 415),
        ({"json": {**WEB, "cores": -1}}, 422),
    ],
)
def test_it_refuses_in_one_shape(live, request_, status):
    response = live.http.post("/predict", **request_)
    assert response.status_code == status
    assert response.json()["error"].keys() == {"code", "message", "details"}


def test_it_keeps_its_word_under_load(live):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: live.http.post("/predict", json=WEB), range(64)))
    assert {a.status_code for a in answers} == {200}
    assert len({a.json()["retained"] for a in answers}) == 1


def test_an_interrupt_ends_it_cleanly(live):
    """Last in this module: it stops the service."""
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(20) in (0, -signal.SIGINT, 130)
    assert "Traceback" not in live.log.read_text()
