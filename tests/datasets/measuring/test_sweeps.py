"""Sweeps on this machine: what is shaped is shaped, what is made goes, what cannot be is told."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.measuring.catalog import BENCHMARKS, Setting
from datasets.measuring.plan import AGAIN, NATIVE, Plan
from datasets.measuring.rounds import measure_round
from datasets.measuring.runtimes.daemons import Docker
from datasets.measuring.runtimes.plain import Native
from datasets.measuring.runtimes.runtime import Place
from datasets.measuring.runtimes.wasm import Wasmtime
from datasets.measuring.session import Broken
from datasets.measuring.sweeps import sweeps
from datasets.measuring.sweeps.cores import Cores
from datasets.measuring.sweeps.device import Device
from datasets.measuring.sweeps.link import Link, bucket
from datasets.measuring.swept import chosen, core_counts

FULL = {b.name: b for b in chosen(quick=False, cores=4)}


@contextmanager
def prepared(sweep, place, runtimes=()):
    """A sweep made ready, where it can be had here; and cleaned up after."""
    why = sweep.missing()
    try:
        if not why:
            sweep.prepare(place, runtimes)
    except Broken as broken:
        why = str(broken)
    try:
        if why:
            pytest.skip(why)
        yield
    finally:
        sweep.clean(place)


def mounts():
    return Path("/proc/self/mounts").read_text()


@given(st.integers(1, 512))
def test_counts_of_cores_go_from_one_to_all(cores):
    counts = core_counts(cores)
    assert counts[0] == 1
    assert counts[-1] == cores
    assert len(counts) <= 4
    assert list(counts) == sorted({*counts})


def test_a_quick_run_has_no_sweep_and_a_full_one_has_all():
    quick = chosen(quick=True, cores=4)
    assert not any(b.setting.sweep or b.program for b in quick)
    assert {b.setting.sweep for b in FULL.values()} == {"", *sweeps()}
    assert len(FULL) == len(chosen(quick=False, cores=4))  # each name once
    assert {b.setting.cores for b in FULL.values()} == {None, *core_counts(4)}
    payloads = {b.demands["payload_bytes"] for b in FULL.values() if b.program.startswith("p")}
    assert payloads == {64.0, 16384.0, 65536.0}
    assert {b.name for b in BENCHMARKS} <= set(FULL)


def test_a_shaped_link_is_the_limit_and_nothing_of_it_stays(place):
    link, native = Link(), Native()
    stream = FULL["link-stream-64k-0.1g"]
    before = mounts()
    with prepared(link, place, [native]), ExitStack() as stack:
        instance = stack.enter_context(link.start(native, place, stream.setting))
        took = {}
        for gbps in (0.1, None, 0.1):
            link.set(Setting("link", network_gbps=gbps))
            name, payload, workers = stream.words
            took[gbps] = instance.ask(name, 20.0, payload, workers, link.address).ns
        assert mounts() != before
        # A bucket may be full at first; busy processors only make it longer.
        assert 0.75 * stream.bound_ns < took[0.1] < 3 * stream.bound_ns
        assert took[None] < 0.5 * took[0.1]
        message = instance.ask("link-round", 5.0, 1024, 1, link.address)
        assert message.ns > 0
        assert not message.cannot
    assert mounts() == before


def test_a_container_reaches_the_peer_by_a_pair_of_its_own(place):
    from datasets.measuring.runtimes import runtimes

    link = Link()
    tried = {r.name: r for r in runtimes() if r.name in ("bubblewrap", "runc")}
    working = [r for r in tried.values() if r.probe(place).works]
    with prepared(link, place, working):
        for runtime in working:
            runtime.prepare(place)
            try:
                with link.start(runtime, place, Setting("link")) as instance:
                    answer = instance.ask("link-round", 5.0, 64, 1, link.address)
            finally:
                runtime.clean(place)
            assert answer.ns > 0, f"{runtime.name}: {answer.cannot}"
            own = (place.folder / f"{runtime.name}.net").exists()
            assert own == (runtime.link == "pair")


def test_a_limited_device_is_the_limit_and_its_group_goes(built):
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"nearmetal-test-{os.getpid()}-device"
    folder.mkdir()
    try:
        place = Place(folder, folder.name, built)
        device, native = Device(), Native()
        read = FULL["device-read-2000"]
        with prepared(device, place, [native]), native.start(place) as instance:
            device.take(native, place, instance)
            device.set(read.setting)
            device.settle()
            name, payload, workers = read.words
            answer = instance.ask(name, 30.0, payload, workers)
            assert not answer.cannot
            assert 0.75 * read.bound_ns < answer.ns < 5 * read.bound_ns
            group = next(Path("/sys/fs/cgroup").rglob(folder.name + "-device"))
        assert not group.exists()
    finally:
        shutil.rmtree(folder)


def test_a_folder_without_a_device_is_told(built):
    memory = Path("/dev/shm")  # noqa: S108
    if os.geteuid() != 0 or not memory.is_dir() or Device().missing():
        pytest.skip("it needs root, limits of devices, and a file system in memory")
    folder = memory / f"nearmetal-test-{os.getpid()}"
    folder.mkdir()
    try:
        with pytest.raises(Broken, match="no block device of its own"):
            Device().prepare(Place(folder, "nearmetal-test", built), [])
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("enabled", "files", "wanted"),
    [
        ("cpu io memory", {"io.max": ""}, {"io.max": "8:0 riops=4000 wiops=4000"}),
        (
            None,
            {},
            {
                "blkio.throttle.read_iops_device": "8:0 4000",
                "blkio.throttle.write_iops_device": "8:0 4000",
            },
        ),
    ],
    ids=["version 2", "version 1"],
)
def test_a_limit_is_written_as_either_version_of_control_groups_reads_it(
    tmp_path, enabled, files, wanted
):
    if enabled is not None:
        (tmp_path / "cgroup.subtree_control").write_text(enabled)
        hierarchy = tmp_path
    else:
        hierarchy = tmp_path / "blkio"
        hierarchy.mkdir()
        (hierarchy / "blkio.throttle.read_bps_device").touch()
    device = Device(tmp_path)
    assert device._hierarchy() == hierarchy
    group = tmp_path / "own"
    group.mkdir()
    for name, text in files.items():
        (group / name).write_text(text)
    device._number, device._group = "8:0", group
    device.set(Setting("device", storage_iops=4000.0))
    assert {p.name: p.read_text() for p in group.iterdir()} == wanted


def test_no_control_group_with_limits_is_told(tmp_path):
    if os.geteuid() == 0:
        (tmp_path / "cgroup.subtree_control").write_text("cpu memory")
        assert "limits of block devices" in Device(tmp_path).missing()


def test_an_instance_keeps_to_its_cores_or_is_refused(place):
    with Cores().start(Native(), place, Setting("cores", 1)) as instance:
        assert instance.process is not None
        assert len(os.sched_getaffinity(instance.process.pid)) == 1
        name, payload, workers = FULL["mixed-1-core"].words
        assert instance.ask(name, 5.0, payload, workers).ns > 0
    if len(os.sched_getaffinity(0)) == 1:
        return

    class Spread(Native):
        def start(self, place, *, cpus=(), namespace=None):  # noqa: ARG002
            return super().start(place)

    with pytest.raises(Broken, match="does not keep to 1 of the cores"):
        Cores().start(Spread(), place, Setting("cores", 1))


def test_what_a_sweep_or_a_runtime_cannot_do_is_told_with_its_reason(place, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    link, cores = Link(), Cores()
    link.broken = link.missing()
    assert link.broken == "it needs root"
    assert Device().missing() == "it needs root"
    asked = (FULL["link-round-64"], FULL["mixed-1-core"])
    plan = Plan((NATIVE, AGAIN), asked, 5, 1.0, "digest")
    steps: list[str] = []
    made = measure_round(
        plan, 0, {NATIVE: Native()}, {"link": link, "cores": cores}, place, steps.append
    )
    for side in plan.sides:
        assert made.answers[side]["link-round-64"].cannot == "it needs root"
        assert made.answers[side]["mixed-1-core"].ns > 0
    assert not made.broken
    assert "no connection" in Link().cannot(Wasmtime())
    assert Device().cannot(Docker())


@given(st.sampled_from([0.01, 0.1, 1.0, 2.5, 10.0, 100.0]))
def test_a_bucket_holds_a_packet_and_little_of_a_second(gbps):
    words = bucket(gbps)
    holds = float(words[words.index("burst") + 1].removesuffix("b"))
    assert holds >= 1514
    assert holds * 8 / (gbps * 1e9) < 4e-3
