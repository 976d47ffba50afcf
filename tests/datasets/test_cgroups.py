"""Control groups of watched programs: what they see, what is left, what is told without one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from datasets.profiling.cgroups import GroupUsage, made_for, mounts, operations_of, own_of
from datasets.profiling.command import Asked, profiled
from datasets.profiling.profile import Counted, document_of
from datasets.profiling.tracepoints import events_of
from datasets.profiling.watching import Sample, Watch
from datasets.tracing.processes import Usage
from features.errors import InvalidInput

_ROOT = Path("/sys/fs/cgroup")
# Children that no one waits for are in no one's times: the kernel reaps them on its own.
_UNWAITED = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        while time.process_time() < .15: pass
        os._exit(0)
try: os.wait()
except ChildProcessError: pass
"""
_SYNCING = """
import os, sys
f = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
for place in range(40):
    os.pwrite(f, b"x" * 4096, 4096 * place); os.fsync(f)
"""


def _makable() -> bool:
    try:
        events_of()
    except InvalidInput:  # Nothing is watched without perf.
        return False
    process = subprocess.Popen(["sleep", "60"])
    group = made_for(process.pid)
    process.kill()
    process.wait()
    group.close()
    return "" in group.folders


needs_group = pytest.mark.skipif(not _makable(), reason="no group can be made here")


@needs_group
class TestMade:
    def test_children_that_no_one_waits_for_are_counted(self):
        document = profiled(Asked([sys.executable, "-c", _UNWAITED]))
        assert document["demands"]["op_us"] > 3 * 0.14e6
        assert document["counted_by"]["op_us"].startswith("cgroup")
        assert document["cgroup"].startswith("made for the program: version 2")
        assert not list(_ROOT.glob("**/nearmetal-profile-*"))

    def test_what_waits_for_storage_has_its_share(self, tmp_path):
        path = tmp_path / "file"
        words = [sys.executable, "-c", _SYNCING, str(path)]
        document = profiled(Asked(words, operations="40"))
        waited = document["demands"]["storage"]
        own = document["demands"]["op_us"] * (1.0 - waited)
        # No longer than it ran; on a file system in memory nothing waits.
        assert 0.0 <= waited * document["demands"]["op_us"] * 40 <= document["seconds"] * 1e6
        assert own > 0.0
        if document["demands"].get("io_ops", 0.0) >= 1.0:
            assert waited > 0.0

    def test_a_program_that_dies_leaves_no_group(self):
        with pytest.raises(InvalidInput, match="signal 9"):
            profiled(Asked(["sh", "-c", "kill -9 $$"]))
        assert not list(_ROOT.glob("**/nearmetal-profile-*"))

    def test_what_is_still_in_it_goes_back(self):
        with subprocess.Popen(["sleep", "60"]) as process:
            before = Path(f"/proc/{process.pid}/cgroup").read_text()
            group = made_for(process.pid)
            assert Path(f"/proc/{process.pid}/cgroup").read_text() != before
            # It holds the process and nothing else: a running program's own group is this one.
            assert own_of(process.pid).folders == group.folders
            group.close()
            assert Path(f"/proc/{process.pid}/cgroup").read_text() == before
            assert not any(folder.exists() for folder in group.folders.values())
            process.kill()


def test_a_group_with_others_in_it_is_not_the_programs():
    with subprocess.Popen(["sleep", "60"]) as process:
        group = own_of(process.pid)
        process.kill()
    assert not group.folders
    assert group.source() in (
        "none: its group holds other processes too",
        "none: none is mounted",
    )


def test_hierarchies_are_found_by_their_mounts():
    text = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
33 31 0:30 /part /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
"""
    assert mounts(text) == {
        "cpuacct": ("/part", Path("/sys/fs/cgroup/cpu,cpuacct")),
        "": ("/", Path("/sys/fs/cgroup/unified")),
    }


def test_operations_of_all_devices_are_summed():
    text = "254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n8:0 rios=10 wios=20\n9:1\n"
    assert operations_of(text) == {"read_ops": 11.0, "write_ops": 22.0}


def document(*, wait_us: float | None, **held: float) -> dict:
    """A profile of a watch whose group says so at its end."""
    start = None if wait_us is None else 500.0
    end = None if wait_us is None else 500.0 + wait_us
    samples = [
        Sample(0.0, Usage(), 0.0, 0.0, 0.0, 0.0, None, GroupUsage(0.0, 0.0, start, 0.0, 0.0)),
        Sample(9.0, Usage(), 0.0, 0.0, 0.0, 0.0, None, GroupUsage(5e5, 5e5, end, **held)),
    ]
    seen = Watch(samples, {"syscalls": 100.0}, 0.01, 2)
    return document_of(Counted("p", seen, 10.0, "--operations"))


def test_waiting_adds_to_the_time_and_is_the_storage_share():
    made = document(wait_us=1e6, read_ops=1.0, write_ops=3.0, memory_gb=0.5, peak_gb=0.7)
    demands = made["demands"]
    assert demands["op_us"] == 2e5
    assert demands["storage"] == 0.5
    assert sum(demands[key] for key in ("cpu", "memory", "network", "storage")) == 1.0
    assert (demands["io_ops"], demands["write_share"]) == (0.4, 0.75)
    assert (demands["working_set_gb"], made["memory_peak_gb"]) == (0.5, 0.7)
    assert made["counted_by"]["working_set_gb"] == "cgroup"


def test_without_pressure_the_share_is_said_not_to_be_known():
    made = document(wait_us=None, read_ops=0.0, write_ops=0.0, memory_gb=0.001)
    assert made["demands"]["storage"] == 0.0
    assert made["counted_by"]["storage"].startswith("not known")
    assert made["demands"]["working_set_gb"] == 0.01
