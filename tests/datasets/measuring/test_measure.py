"""The suite on this machine's own runtimes: what it finds, and that nothing stays behind.

Bounds are wide: they tell a broken harness, not a slow machine.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from datasets.measuring import suite
from datasets.measuring.plan import AGAIN
from datasets.measuring.runtimes import runtimes
from datasets.table import read_measurements
from features.errors import InvalidInput
from serving.observations import read_observations

ROOT = Path(__file__).resolve().parents[3]
WANTED = ("bubblewrap", "runc", "wasmtime", "runsc-ptrace")
NEARMETAL = [sys.executable, "-m", "nearmetal"]


@pytest.fixture(scope="module")
def working(tmp_path_factory, built):
    """Which of the wanted runtimes work here, and why each other does not."""
    from datasets.measuring.runtimes.runtime import Place

    place = Place(tmp_path_factory.mktemp("probes"), "nearmetal-probe", built)
    probes = [runtime.probe(place) for runtime in runtimes() if runtime.name in WANTED]
    return {p.runtime: p.why_not for p in probes}


@pytest.fixture
def home():
    """A folder for what one run makes, so that another run of this machine is not taken for it."""
    folder = Path(tempfile.mkdtemp(prefix="nm-"))
    yield folder
    assert list(folder.iterdir()) == []
    folder.rmdir()


@pytest.fixture(scope="module")
def run(tmp_path_factory, working):
    """One quick run of those that work: its document, its file, and the machine around it."""
    names = names_of(WANTED, working)
    if not names:
        pytest.skip(f"none works here: {working}")
    output = tmp_path_factory.mktemp("run") / "mine.csv"
    folder = Path(tempfile.mkdtemp(prefix="nm-"))
    before = surroundings(folder)
    done = subprocess.run(
        [*NEARMETAL, "measure", "--quick", "--json", "--output", str(output), *flags(names)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env=within(folder),
    )
    assert done.returncode == 0, done.stderr
    after = surroundings(folder)
    folder.rmdir()
    return json.loads(done.stdout), output, before, after, done.stderr


def names_of(wanted, working):
    return [name for name in wanted if not working[name]]


def within(folder):
    return {**os.environ, "TMPDIR": str(folder)}


def flags(names):
    return [part for name in names for part in ("--runtime", name)]


def surroundings(folder):
    """What a run in a folder may not change: processes (and so namespaces), mounts, interfaces."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return {
        "processes": [p.name for p in Path("/proc").glob("[0-9]*") if is_of(p, folder)],
        "mounts": [line for line in mounts if str(folder) in line],
        "interfaces": sorted(p.name for p in Path("/sys/class/net").iterdir()),
        "folders": sorted(folder.iterdir()),
    }


def groups_of(pid):
    """The control groups of a run."""
    return [str(p) for p in Path("/sys/fs/cgroup").rglob(f"nearmetal-measure-{pid}-*")]


def is_of(process, folder):
    """Whether it is an instance or what holds one: what it was started with, or stands on."""
    try:
        words = (process / "cmdline").read_text(errors="replace")
        return str(folder) in words + (process / "mountinfo").read_text(errors="replace")
    except OSError:
        return False


def is_swept(said, pid, folder):
    """Whether what a full run's sweeps need is made, or was said to be left out."""
    link = surroundings(folder)["mounts"] or "link is left out" in said
    device = any(p.endswith("-device") for p in groups_of(pid)) or "device is left out" in said
    return link and device


def figure(document, runtime, benchmark):
    found = [
        r for r in document["results"] if (r["runtime"], r["benchmark"]) == (runtime, benchmark)
    ]
    assert len(found) == 1
    return found[0]


def test_each_runtime_gives_rows_that_both_doors_take(run, working):
    document, output, *_ = run
    rows = read_measurements(output)
    assert len(rows) == len(document["rows"])
    assert len(read_observations(output)) == len(rows)
    assert all(row.repeats >= 5 and row.spread is not None and row.value for row in rows)
    for name, why_not in working.items():
        told = [r for r in document["results"] if r["runtime"] == name]
        assert len(told) >= 9 if not why_not else not told


def test_the_same_side_twice_is_alike(run):
    again = figure(run[0], AGAIN, "int-dependent")
    assert 0.8 < again["retained"] < 1.25
    assert not again["difference_seen"]


@pytest.mark.parametrize("name", ["bubblewrap", "runc"])
def test_a_container_computes_as_native_does(run, working, name):
    if working[name]:
        pytest.skip(working[name])
    document = run[0]
    assert 0.85 < figure(document, name, "int-dependent")["retained"] < 1.15
    assert figure(document, name, "startup")["retained"] < 0.7


def test_webassembly_computes_and_has_no_processes(run, working):
    if working["wasmtime"]:
        pytest.skip(working["wasmtime"])
    assert 0.3 < figure(run[0], "wasmtime", "int-dependent")["retained"] < 1.5
    assert {"fork", "pipe"} <= {m["benchmark"] for m in run[0]["missing"]}


def test_a_traced_call_costs_more_than_ten_native_ones(run, working):
    if working["runsc-ptrace"]:
        pytest.skip(working["runsc-ptrace"])
    assert figure(run[0], "runsc-ptrace", "getppid")["retained"] < 0.1


def test_it_tells_what_it_touches_and_leaves_nothing(run):
    *_, before, after, said = run
    assert "makes the folder" in said
    assert after == before
    pids = set(re.findall(r"\(nearmetal-measure-(\d+)-", said))
    assert len(pids) == 1
    assert groups_of(pids.pop()) == []


@pytest.mark.parametrize(
    ("ending", "names", "quick"),
    [
        (signal.SIGINT, ("bubblewrap", "runc"), True),
        (signal.SIGTERM, ("runc", "runsc-ptrace"), False),
    ],
)
def test_an_interrupt_leaves_nothing_but_the_rounds_so_far(
    tmp_path, home, working, ending, names, quick
):
    names = names_of(names, working)
    if not names:
        pytest.skip(f"none works here: {working}")
    output = tmp_path / "mine.csv"
    command = [*NEARMETAL, "measure", "--output", str(output), *flags(names)]
    command += ["--quick"] if quick else []
    given = {"cwd": ROOT, "env": within(home)}
    state = output.with_name(f".{output.name}.measuring.json")
    told = tmp_path / "told"
    before = surroundings(home)
    with told.open("w") as errors, subprocess.Popen(command, stderr=errors, **given) as process:
        end = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < end:
            # A full run's repetition is long; what its sweeps need is made before the first.
            if state.exists() if quick else is_swept(told.read_text(), process.pid, home):
                break
            time.sleep(0.05)
        time.sleep(0.3)  # into the next repetition, with instances running
        assert surroundings(home)["processes"]
        assert quick or is_swept(told.read_text(), process.pid, home)
        process.send_signal(ending)
        assert process.wait(60) == 130
    assert "Traceback" not in told.read_text()
    told.unlink()
    assert surroundings(home) == before
    assert groups_of(process.pid) == []
    if not quick:
        assert list(tmp_path.iterdir()) == []
        return
    assert sorted(p.name for p in tmp_path.iterdir()) == [state.name]
    resumed = subprocess.run(command, capture_output=True, text=True, timeout=300, **given)
    assert resumed.returncode == 0, resumed.stderr
    assert "goes on after" in resumed.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == [output.name]


def test_the_list_says_why_each_other_does_not_work():
    done = subprocess.run(
        [*NEARMETAL, "measure", "--list", "--json", "--runtime", "native", "--runtime", "kata"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    native, kata = json.loads(done.stdout)
    assert set(native) == {"runtime", "works", "version", "why_not"}
    assert native["works"]
    assert kata["works"] or kata["why_not"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--runtime", "runk"], "did you mean runc"),
        (["--output", "/nowhere/mine.csv"], "not a folder"),
        (["--runtime", "kata", "--quick"], "kata: "),
    ],
)
def test_wrong_input_is_one_line(arguments, told):
    done = subprocess.run(
        [*NEARMETAL, "measure", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_without_a_compiler_says_what_to_install_and_leaves_no_folder(home, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InvalidInput, match="install gcc or clang"):
        suite.probe_all(["native"])
