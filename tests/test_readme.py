"""What the README shows is what happens: its service, its question and answer, its table."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# A processor's last digits differ between machines; what is shown has two.
CLOSE = 0.03


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def environment(home):
    env = {**os.environ, "NEARMETAL_HOME": str(home), "COLUMNS": "110"}
    env.pop("BENTOML_HOME", None)
    return env


@pytest.fixture(scope="module")
def service(environment, home):
    """The README's first command on a free port, in a home without a model."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "nearmetal", "serve", "--port", str(port)],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            for _ in range(240):
                if process.poll() is not None:
                    break
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                        break
                except (urllib.error.URLError, OSError):
                    time.sleep(0.5)
            assert process.poll() is None, (home / "log").read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def block(language, containing):
    for found in re.findall(rf"```{language}\n(.*?)```", README, re.S):
        if containing in found:
            return found
    raise AssertionError(f"no {language} block with {containing!r}")


def cut(shown, true):
    """Whether what is shown is in the truth: numbers close, lists from their beginning."""
    if isinstance(shown, dict):
        return set(shown) <= set(true) and all(cut(v, true[k]) for k, v in shown.items())
    if isinstance(shown, list):
        return len(shown) <= len(true) and all(map(cut, shown, true))
    if isinstance(shown, float):
        return abs(shown - true) <= CLOSE
    return shown == true


def test_the_curl_is_answered_as_shown(service):
    words = shlex.split(block("sh", "curl").replace("\\\n", " "))
    body = words[words.index("-d") + 1]
    request = urllib.request.Request(
        service + "/predict", body.encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        true = json.load(answer)
    shown = json.loads(block("json", '"retained"'))
    shown.pop("model")
    assert cut(shown, true), json.dumps(true, indent=1)
    assert true["interval"][0] < true["retained"] < true["interval"][1]


@pytest.mark.usefixtures("service")
def test_the_comparison_is_as_shown(environment):
    text = block("console", "nearmetal compare")
    command = shlex.split(text.splitlines()[0].removeprefix("$ uv run nearmetal"))
    done = subprocess.run(
        [sys.executable, "-m", "nearmetal", *command, "--json"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    true = {p["runtime"]: p["retained"] for p in json.loads(done.stdout)["predictions"]}
    shown = {k: float(v) / 100 for k, v in re.findall(r"│ ([a-z-]+) +│ +(\d+)% │", text)}
    assert set(shown) == set(true)
    for runtime, value in shown.items():
        assert abs(value - true[runtime]) <= CLOSE, runtime


def test_bad_input_is_told_as_shown(environment):
    text = block("console", "gvizor")
    first, expected = text.strip().splitlines()
    command = shlex.split(first.removeprefix("$ uv run nearmetal"))
    done = subprocess.run(
        [sys.executable, "-m", "nearmetal", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (2, "", expected)


def test_the_other_commands_shown_are_commands():
    from typer.main import get_command

    import nearmetal

    known = get_command(nearmetal.app).commands
    shown = set(re.findall(r"uv run nearmetal ([a-z]+)", README))
    assert shown <= set(known)
    assert {"serve", "train", "evaluate", "ui"} <= shown
