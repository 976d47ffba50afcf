"""What the kernel counts of a control group: one made for a watched program, or its own.

A group's counters hold every process and thread that was ever in it: those that ended between two
looks, and children that no one waited for, of which /proc says nothing afterwards. Both versions
are read, side by side where both are mounted: version 2 counts processor time and pressure even
where version 1 has the controllers.

Time that waits for storage is the group's `full` I/O pressure: the time in which all of its tasks
that had something to do waited for I/O. It holds no wait in which another thread computed, so it
adds to processor time; a wait inside a file system's journal may not be counted as I/O, so it is a
lower bound. Delay accounting (field 42 of /proc/PID/stat) says the same of each thread, but is off
unless the machine's owner switches it on (kernel.task_delayacct), for programs started later.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datasets.tracing.processes import tree

_PROC = Path("/proc")
_REMOVING_S = 5.0
_V1 = ("cpuacct", "memory", "blkio")


@dataclass(frozen=True)
class GroupUsage:
    """A group's counters; None is what no controller there counts."""

    user_us: float | None = None
    system_us: float | None = None
    storage_wait_us: float | None = None
    read_ops: float | None = None
    write_ops: float | None = None
    memory_gb: float | None = None
    peak_gb: float | None = None


@dataclass
class Group:
    """Folders of one group by hierarchy ("" is version 2); `why_not` says why there is none."""

    folders: dict[str, Path] = field(default_factory=dict)
    why_not: str = ""
    made: bool = False

    def usage(self) -> GroupUsage:
        """Its counters now; memory is without what the kernel would give up first."""
        found: dict[str, float] = {}
        for name, folder in self.folders.items():
            read = (
                _v2 if not name else {"cpuacct": _cpuacct, "memory": _memory, "blkio": _blkio}[name]
            )
            found = {**read(folder), **found}
        return GroupUsage(**found)

    def source(self) -> str:
        """What counts, in words."""
        if not self.folders:
            return f"none: {self.why_not}"
        of = "made for the program" if self.made else "the program's own"
        versions = ["version 2"] if "" in self.folders else []
        versions += [f"version 1 {name}" for name in _V1 if name in self.folders]
        return f"{of}: {', '.join(versions)}"

    def close(self) -> None:
        """Remove what was made; a process still in it goes back to where it came from."""
        if not self.made:
            return
        for folder in self.folders.values():
            end = time.monotonic() + _REMOVING_S
            while folder.exists() and time.monotonic() < end:
                for pid in _members(folder):
                    with contextlib.suppress(OSError):
                        (folder.parent / "cgroup.procs").write_text(str(pid))
                try:
                    folder.rmdir()
                except OSError:
                    time.sleep(0.02)


def made_for(pid: int) -> Group:
    """A new group under our own, with the process in it; none where it may not be made."""
    group = Group(made=True)
    name = f"nearmetal-profile-{pid}"
    for hierarchy, parent in _folders(os.getpid()).items():
        folder = parent / name
        try:
            folder.mkdir()
            group.folders[hierarchy] = folder
            (folder / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            group.why_not = f"{error.filename or folder}: {error.strerror}"
            with contextlib.suppress(OSError):
                folder.rmdir()
            group.folders.pop(hierarchy, None)
    if not group.folders and not group.why_not:
        group.why_not = "no control groups are mounted"
    return group


def own_of(pid: int) -> Group:
    """The group that a running process is in, where none but its tree is in it."""
    group, others = Group(), False
    within = set(tree(pid))
    for hierarchy, folder in _folders(pid).items():
        if _all_within(folder, within):
            group.folders[hierarchy] = folder
        else:
            others = True
    if not group.folders:
        group.why_not = "its group holds other processes too" if others else "none is mounted"
    return group


def mounts(mountinfo: str) -> dict[str, tuple[str, Path]]:
    """hierarchy -> (its path that is mounted, where) of the text of /proc/PID/mountinfo."""
    found: dict[str, tuple[str, Path]] = {}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if not kind or kind[0] not in ("cgroup", "cgroup2"):
            continue
        names = [""] if kind[0] == "cgroup2" else kind[-1].split(",")
        for name in names:
            if name in ("", *_V1):
                found.setdefault(name, (fields[3], Path(fields[4])))
    return found


def _folders(pid: int) -> dict[str, Path]:
    """The folders of the groups that a process is in, version 2 first."""
    try:
        mounted = mounts((_PROC / "self" / "mountinfo").read_text())
        lines = (_PROC / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return {}
    found: dict[str, Path] = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            root, where = mounted.get(name, ("", Path()))
            # What lies outside of the part that is mounted here cannot be seen.
            inside = root and not path.startswith("/..") and path.startswith(root.rstrip("/"))
            folder = where / path[len(root.rstrip("/")) :].lstrip("/") if inside else where
            if inside and (folder / "cgroup.procs").exists():
                found[name] = folder
    return {name: found[name] for name in ("", *_V1) if name in found}


def _members(folder: Path) -> Iterable[int]:
    try:
        return [int(pid) for pid in (folder / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _all_within(folder: Path, pids: set[int]) -> bool:
    if not set(_members(folder)) <= pids:
        return False
    below = (path for path in folder.rglob("*") if path.is_dir())
    return all(set(_members(path)) <= pids for path in below)


def _table(path: Path) -> dict[str, float]:
    """A file of `key number` lines, {} where it cannot be read."""
    try:
        cells = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {cell[0]: float(cell[1]) for cell in cells if len(cell) == 2}


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return None


def _v2(folder: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    cpu = _table(folder / "cpu.stat")
    if "user_usec" in cpu:
        found |= {"user_us": cpu["user_usec"], "system_us": cpu["system_usec"]}
    found |= _wait(folder / "io.pressure")
    with contextlib.suppress(OSError):
        found |= operations_of((folder / "io.stat").read_text())
    stat = _table(folder / "memory.stat")
    return found | _held(
        _number(folder / "memory.current"), stat.get("inactive_file"), folder / "memory.peak"
    )


def _wait(pressure: Path) -> dict[str, float]:
    with contextlib.suppress(OSError):
        for line in pressure.read_text().splitlines():
            if line.startswith("full "):
                return {"storage_wait_us": float(line.rpartition("total=")[2])}
    return {}


def operations_of(stat: str) -> dict[str, float]:
    """Operations of all devices from the text of version 2's io.stat."""
    sums = {"rios": 0.0, "wios": 0.0}
    for line in stat.splitlines():
        for pair in line.split()[1:]:
            key, _, value = pair.partition("=")
            if key in sums:
                sums[key] += float(value)
    return {"read_ops": sums["rios"], "write_ops": sums["wios"]}


def _cpuacct(folder: Path) -> dict[str, float]:
    user, system = _number(folder / "cpuacct.usage_user"), _number(folder / "cpuacct.usage_sys")
    if user is None or system is None:
        return {}
    return {"user_us": user / 1e3, "system_us": system / 1e3}


def _memory(folder: Path) -> dict[str, float]:
    stat = _table(folder / "memory.stat")
    used = _number(folder / "memory.usage_in_bytes")
    return _held(used, stat.get("total_inactive_file"), folder / "memory.max_usage_in_bytes")


def _held(used: float | None, given_up: float | None, peak: Path) -> dict[str, float]:
    found = {}
    if used is not None and given_up is not None:
        found["memory_gb"] = max(0.0, used - given_up) / 1e9
    most = _number(peak)
    return found if most is None else {**found, "peak_gb": most / 1e9}


def _blkio(folder: Path) -> dict[str, float]:
    path = folder / "blkio.throttle.io_serviced_recursive"
    sums: Mapping[str, float] = {"Read": 0.0, "Write": 0.0}
    try:
        for line in path.read_text().splitlines():
            cells = line.split()
            if len(cells) == 3 and cells[1] in sums:
                sums = {**sums, cells[1]: sums[cells[1]] + float(cells[2])}
    except OSError:
        return {}
    return {"read_ops": sums["Read"], "write_ops": sums["Write"]}
