"""The calibration: which difference is which constant, and one live run that leaves nothing.

Bounds of the live run are very wide: they tell a broken harness, not a slow machine.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from datasets.measuring import calibration
from datasets.measuring.conditions import machine
from datasets.measuring.deltas import TITLES, Delta, take
from datasets.measuring.groups import CONTROLLERS, own_groups, roots_of
from datasets.measuring.ownconstants import own_constants
from datasets.measuring.session import Broken
from features.constants import constants
from features.errors import InvalidInput
from features.hostprofile import read_host_profile

ROOT = Path(__file__).resolve().parents[3]
MEASURE = [sys.executable, "-m", "nearmetal", "measure", "--calibrate", "--quick"]
JITTER = np.array([0.0, 0.5, -0.5, 0.25, -0.25])


def deltas(**figures):
    """Differences in five repetitions from (base, full) in ns, names with _ for -."""
    named = {name.replace("_", "-"): pair for name, pair in figures.items()}
    return {n: Delta(n, np.full(5, base), full + JITTER) for n, (base, full) in named.items()}


def values(taken):
    made, _ = own_constants(taken)
    return {one.entry: one.value for one in made}


FILTERS = {"seccomp_short": (100.0, 150.0), "seccomp_long": (100.0, 300.0)}


def test_differences_become_constants_in_their_units():
    taken = deltas(
        seccomp_cached=(100.0, 112.0),
        **FILTERS,
        overlay_open=(600.0, 1200.0),
        overlay_read=(250.0, 310.0),
        overlay_write=(370.0, 510.0),
        group_switch=(1000.0, 1200.0),
        group_fault=(500.0, 530.0),
        veth=(5000.0, 9000.0),
    )
    assert values(taken) == {
        ("seccomp_ns", "cached"): 12.0,
        ("seccomp_ns", "short"): 50.0,
        ("seccomp_ns", "long"): 200.0,
        ("open_call_us", "overlayfs"): 0.6,
        # Of reads and writes alike.
        ("file_call_ns", "overlayfs"): 100.0,
        ("switch_us", "container"): 0.2,
        # Less what the prior charges a control group with.
        ("fault_us", "container"): 0.018,
        ("network_latency_us", "veth"): 4.0,
        ("packet_us", "veth"): 2.0,
    }
    made, _ = own_constants(taken)
    for one in made:
        assert one.low <= one.value <= one.high
        assert one.repeats == 5
        assert one.spread > 0.0


def test_a_crossing_into_gvisor_is_what_a_call_costs_more():
    found = values(deltas(**{"runsc-ptrace": (300.0, 20300.0)}))
    assert found == {("call_ns", "ptrace"): 20000.0}


def test_exit_and_entry_make_up_what_the_instruction_took():
    taken = deltas(clock=(0.0, 0.5), cpuid=(0.0, 900.0))
    taken["clock"] = Delta("clock", np.zeros(5), np.full(5, 0.5))
    found = values(taken)
    assert found[("clock_ghz", "value")] == 2.0
    emulation = constants().value(("emulation_cycles", "vm"))
    for runtime in ("vm", "microvm", "kata"):
        leaving = found[("exit_cycles", runtime)] + found[("entry_cycles", runtime)]
        assert leaving + emulation == pytest.approx(1800.0, rel=1e-3)


@pytest.mark.parametrize(
    ("taken", "name", "why"),
    [
        (deltas(clock=(0.0, 1.0), cpuid=(0.0, 30000.0)), "cpuid", "may be nested"),
        (deltas(clock=(0.0, 1.0), cpuid=(0.0, 100.0)), "cpuid", "not those of one exit"),
        (deltas(cpuid=(0.0, 900.0)), "cpuid", "the clock could not be measured"),
        (
            deltas(seccomp_cached=(100.0, 290.0), **FILTERS),
            "seccomp-cached",
            "runs the filter at each call",
        ),
        (deltas(seccomp_cached=(100.0, 112.0)), "seccomp-cached", "nothing to tell by"),
        (deltas(overlay_read=(250.0, 310.0)), "overlay-read", "of reads and writes"),
        (deltas(overlay_write=(250.0, 310.0)), "overlay-write", "of reads and writes"),
        (deltas(call=(0.0, 100.0)), "call", "no constant"),
        (deltas(switch=(300.0, 1300.0)), "switch", "natively"),
        (deltas(page_fault=(5.0, 500.0)), "page-fault", "natively"),
        (deltas(page_walk=(80.0, 100.0)), "page-walk", "walk_share"),
    ],
)
def test_what_would_be_a_guess_is_told_and_left_out(taken, name, why):
    made, notes = own_constants(taken)
    assert why in notes[name]
    assert name not in {one.measured for one in made}


def test_every_difference_has_a_rule_or_a_reason_and_none_is_negative():
    taken = {name: Delta(name, np.full(5, 10.0), 9.0 + JITTER) for name in TITLES}
    taken["clock"] = Delta("clock", np.zeros(5), np.full(5, 0.3))
    made, notes = own_constants(taken)
    assert set(notes) | {one.measured for one in made} >= set(TITLES) - {"overlay-write"}
    assert all(one.low >= 0.0 for one in made)


def test_hierarchies_of_both_versions_are_found():
    first = "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\ntmpfs /tmp tmpfs rw 0 0"
    second = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0"
    assert roots_of(first) == {"cpu": Path("/sys/fs/cgroup/cpu")}
    assert roots_of(second) == dict.fromkeys(CONTROLLERS, Path("/sys/fs/cgroup"))
    assert roots_of(f"{first}\n{second}")["cpu"] == Path("/sys/fs/cgroup/cpu")
    assert roots_of("") == {}


def test_a_control_group_goes_with_what_was_in_it():
    with own_groups(f"nearmetal-test-{os.getpid()}") as groups:
        made = [Path(g.procs).parent for g in groups.values() if g.procs]
        assert all(folder.is_dir() for folder in made)
        assert all(bool(g.procs) != bool(g.why_not) for g in groups.values())
    assert not any(folder.exists() for folder in made)


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ('read line; echo "${line%% *} cannot no such thing"', "no such thing"),
        ('read line; echo "${line%% *} base 1 with nan windows 4"', "it answered"),
        ("exit 3", "it has ended"),
    ],
)
def test_a_program_that_fails_is_told_for_each_difference(program, why, tmp_path):
    command = ["/bin/sh", "-c", f"echo ready; while :; do {program}; done"]
    taken = take(command, tmp_path, {"call": "not here"}, 3, 1.0, lambda _: None)
    assert taken.deltas == {}
    assert taken.left_out["call"] == "not here"
    assert all(why in said for name, said in taken.left_out.items() if name != "call")
    assert len(taken.conditions) == 3


def test_a_program_that_does_not_start_is_told(tmp_path):
    with pytest.raises(Broken, match="it has ended: not today"):
        take(["/bin/sh", "-c", "echo not today >&2"], tmp_path, {}, 3, 1.0, lambda _: None)


def left_of(folder, pid):
    """What a run that worked in `folder` has made and not taken away. Its namespaces have no names
    and end with their processes."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return {
        "processes": [p for p in Path("/proc").glob("[0-9]*") if works_in(folder, p)],
        "mounts": [line for line in mounts if str(folder) in line],
        "cgroups": list(Path("/sys/fs/cgroup").rglob(f"nearmetal-measure-{pid}-calibrate")),
        "interfaces": sorted({p.name for p in Path("/sys/class/net").iterdir()} & INTERFACES),
        "folders": list(folder.iterdir()),
    }


INTERFACES = {"direct", "near", "far", "bridge"}
NOTHING = {"processes": [], "mounts": [], "cgroups": [], "interfaces": [], "folders": []}


def works_in(folder, process):
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return words[0].startswith(bytes(folder)) and words[0].endswith(b"/calibrate")


def start(folder, *arguments):
    """The command, working in a folder of the test's own."""
    return subprocess.Popen(
        [*MEASURE, *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


needs_compiler = pytest.mark.skipif(
    not any(shutil.which(tool) for tool in ("cc", "gcc", "clang")), reason="there is no C compiler"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One quick calibration: its document, its file, what it said, and what is left of it."""
    output = tmp_path_factory.mktemp("calibration") / "host.json"
    folder = tmp_path_factory.mktemp("work")
    with start(folder, "--repetitions", "5", "--json", "--output", str(output)) as process:
        document, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return json.loads(document), output, said, left_of(folder, process.pid)


@needs_compiler
def test_the_file_is_what_was_said_and_what_answers_take(run):
    document, output, *_ = run
    profile = read_host_profile(output)
    assert profile.model_dump() == document
    assert profile.machine.cores == machine().cores
    assert profile.machine.kernel == machine().kernel
    assert len(profile.conditions) == 5
    assert set(profile.own) == {one.entry for one in profile.constants}
    told = [one["name"] for one in (*profile.measured, *profile.left_out)]
    assert sorted(told) == sorted(TITLES)
    assert all(one["why"] for one in profile.left_out)
    named = {name for one in profile.measured for name in one["replaces"]}
    assert named == {f"{one.quantity}.{one.key}" for one in profile.constants}


@needs_compiler
def test_its_figures_are_those_of_a_machine(run):
    document, *_ = run
    figures = {one["name"]: one for one in document["measured"]}
    # Windows of one kind that anyone may measure: a kernel's calls, its processor's clock.
    assert 10 < figures["call"]["full_ns"] < 1e5
    assert 100 < figures["switch"]["difference_ns"] < 1e6
    assert 0.1 < figures["clock"]["full_ns"] < 5
    if {"seccomp-short", "seccomp-long"} <= set(figures):
        short, long = (figures[f"seccomp-{k}"]["difference_ns"] for k in ("short", "long"))
        assert 0 < short < long < 1e5
    if "overlay-open" in figures:
        assert 0 < figures["overlay-open"]["difference_ns"] < 1e6
    if "veth" in figures:
        assert 0 < figures["veth"]["base_ns"] < 1e8


@needs_compiler
def test_it_tells_what_it_touches_and_leaves_nothing(run):
    *_, said, left = run
    assert "makes the folder" in said
    assert "control groups" in said
    assert left == NOTHING


@needs_compiler
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(ending, tmp_path):
    folder, output = tmp_path / "work", tmp_path / "host.json"
    folder.mkdir()
    with start(folder, "--output", str(output)) as process:
        end = time.monotonic() + 120
        while not left_of(folder, process.pid)["processes"] and time.monotonic() < end:
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.3)  # into a difference, with its mounts or devices made
        assert left_of(folder, process.pid)["folders"]
        process.send_signal(ending)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert left_of(folder, process.pid) == NOTHING
    assert not output.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--list"], "list: means nothing with --calibrate"),
        (["--runtime", "runc"], "runtime: means nothing"),
        (["--repetitions", "2"], "must be 5 to 200"),
        (["--output", "/nowhere/host.json"], "not a folder"),
    ],
)
def test_wrong_input_is_one_line(arguments, said):
    from typer import Typer
    from typer.testing import CliRunner

    from datasets import cli

    app = Typer()
    cli.register(app, lambda *_: None, lambda *_: nullcontext())
    with pytest.raises(InvalidInput, match=said):
        CliRunner().invoke(app, ["measure", "--calibrate", *arguments], catch_exceptions=False)


def test_without_a_compiler_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(InvalidInput, match="install gcc or clang"):
        calibration.calibrate(say=lambda _: None, progress=lambda *_: None)
    assert list(tmp_path.iterdir()) == []
