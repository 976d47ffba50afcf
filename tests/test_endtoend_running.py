"""Any command under a runtime: it sees the system read-only, its own folder, the host's network."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from features.choices import refusals
from features.scenario import Scenario
from tests.benchmarks.endtoend.running import RUNNING, Running

_TOOLS = {"bubblewrap": "bwrap", "runc": "runc", "runsc-ptrace": "runsc"}
# Writes where it may and where it may not, and talks to who listens outside.
_SCRIPT = """
echo inside > "$0/written"
if echo x > /usr/nearmetal-was-here; then exit 9; fi 2>/dev/null
exec 3<>"/dev/tcp/127.0.0.1/$1"
echo hi
"""


@pytest.mark.parametrize("runtime", RUNNING)
def test_a_command_writes_its_folder_alone_and_reaches_the_host(runtime, tmp_path):
    if runtime != "native" and (shutil.which(_TOOLS[runtime]) is None or os.geteuid() != 0):
        pytest.skip(f"{_TOOLS[runtime]} is not installed, or it needs root")
    script = _SCRIPT if runtime != "native" else _SCRIPT.replace("/usr/near", "/no-folder/near")
    folder = tmp_path / "data"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        argv = ["/bin/bash", "-ec", script, str(folder), str(server.getsockname()[1])]
        name = f"nearmetal-test-{os.getpid()}-{runtime}"
        held = Running(runtime, argv, folder, tmp_path / "state", name)
        try:
            done = subprocess.run(held.prepare(), capture_output=True, text=True, timeout=60)
        finally:
            held.clean()
    why = done.stderr.strip().splitlines()[-1:]
    if done.returncode and not (folder / "written").exists():
        pytest.skip(f"{runtime} does not run here: {why}")
    assert (done.returncode, done.stdout) == (0, "hi\n"), why
    assert (folder / "written").read_text() == "inside\n"
    assert not Path("/usr/nearmetal-was-here").exists()
    assert not list(Path("/sys/fs/cgroup").glob(f"**/{name}"))


def test_each_is_a_scenario_of_the_vocabulary():
    for word, mechanisms in RUNNING.values():
        assert not refusals(word, mechanisms)
        assert Scenario(word, "web", mechanisms=mechanisms)
