"""A bento of the present champion, served where the project is not installed.

    uv run python -m tests.benchmarks.bento

Builds it in a store of its own, installs what it asks for into a new environment, serves it from
another folder behind a key, and asks. Exits with 1 when an answer is not what it should be.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from models.home import MODEL_NAME, champion_folder

ROOT = Path(__file__).resolve().parents[2]
KEY = "key of this run"
WEB = {"runtime": "gvisor", "workload": "web", "cores": 8}


def main() -> None:
    """Build, install, serve, ask."""
    champion = champion_folder()
    with tempfile.TemporaryDirectory(prefix="nearmetal-bento-") as folder:
        work = Path(folder)
        bento = _built(champion, work)
        python = _installed(bento, work)
        alone = [python, "-c", "import importlib.util as u; print(u.find_spec('serving'))"]
        told("the project in its environment", _out(alone, work), "None")
        _asked(bento, Path(python).parent, work)


def told(what: str, found: object, wanted: object) -> None:
    """Print a finding; end with 1 when it is not what is wanted."""
    print(f"{what:<40} {found}")
    if found != wanted:
        raise SystemExit(f"{what}: {wanted!r} is wanted")


def _built(champion: Path, work: Path) -> Path:
    store = work / "build"
    models = store / "models" / MODEL_NAME
    shutil.copytree(champion, models / champion.name)
    (models / "latest").write_text(champion.name)
    environment = {**os.environ, "BENTOML_HOME": str(store), "BENTOML_DO_NOT_TRACK": "True"}
    bentoml = [sys.executable, "-W", "ignore", "-m", "bentoml"]
    subprocess.run([*bentoml, "build", "--output", "tag", str(ROOT)], env=environment, check=True)
    packed = work / "nearmetal.bento"
    export = [*bentoml, "export", "nearmetal:latest", str(packed)]
    subprocess.run(export, env=environment, check=True)
    bento = work / "bento"
    shutil.unpack_archive(packed, bento, "tar")
    shutil.rmtree(store)
    return bento


def _installed(bento: Path, work: Path) -> str:
    subprocess.run(["uv", "venv", "--quiet", str(work / "venv")], check=True)
    python = str(work / "venv" / "bin" / "python")
    needs = ["--requirement", str(bento / "env" / "python" / "requirements.txt")]
    subprocess.run(["uv", "pip", "install", "--quiet", "--python", python, *needs], check=True)
    return python


def _out(command: list[str], work: Path) -> str:
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _asked(bento: Path, scripts: Path, work: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "PATH": f"{scripts}:/usr/bin:/bin",
        "HOME": str(work),
        "BENTOML_HOME": str(work / "state"),
        "BENTOML_DO_NOT_TRACK": "True",
        "NEARMETAL_API_KEY": KEY,
    }
    command = [str(scripts / "bentoml"), "serve", "--port", str(port), str(bento)]
    process = subprocess.Popen([*command, "--host", "127.0.0.1"], cwd=work, env=environment)
    try:
        for _ in range(300):
            if _status(port, "/readyz")[0] == 200:
                break
            time.sleep(0.2)
        told("/model without the key", _status(port, "/model")[0], 401)
        status, document = _status(port, "/predict", WEB, KEY)
        told("/predict with the key", status, 200)
        manifest = next((bento / "models" / MODEL_NAME).glob("*/manifest.json"))
        version = json.loads(manifest.read_text())["version"]
        told("answered by the model", document["model"]["version"], version)
        print(f"{'retained':<40} {document['retained']:.3f}")
    finally:
        process.terminate()
        process.wait(40)


def _status(
    port: int, path: str, body: dict[str, object] | None = None, key: str = ""
) -> tuple[int, dict]:
    headers = {"content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
            return response.status, json.loads(text) if text.strip() else {}
    except urllib.error.HTTPError as error:
        return error.code, {}
    except OSError:
        return 0, {}


if __name__ == "__main__":
    main()
