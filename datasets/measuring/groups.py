"""Control groups of a run's own: where a container's would be, made and removed by name."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from datasets.measuring.interrupts import held

CONTROLLERS = ("cpu", "memory")
_REMOVING_S = 5.0


@dataclass(frozen=True)
class Group:
    """A group by the file that a process joins it with, or why there is none."""

    procs: Path | str = ""
    why_not: str = ""


@contextlib.contextmanager
def own_groups(name: str) -> Iterator[dict[str, Group]]:
    """A group at the top of the hierarchy of each of CONTROLLERS, removed with the block, after an
    interrupt too; its processes must have ended by then or be about to."""
    made: list[Path] = []
    groups = {}
    try:
        roots = roots_of(Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace"))
        for controller in CONTROLLERS:
            with held():
                groups[controller] = _make(roots.get(controller), name, controller, made)
        yield groups
    finally:
        with held():
            for folder in made:
                _remove(folder)


def _make(root: Path | None, name: str, controller: str, made: list[Path]) -> Group:
    if root is None:
        return Group(why_not=f"no control groups of {controller}")
    folder = root / name
    if folder in made:
        return Group(folder / "cgroup.procs")
    if (root / "cgroup.subtree_control").exists() and controller not in _handed_on(root):
        return Group(why_not=f"control groups are not given the controller {controller}")
    try:
        folder.mkdir()
    except OSError as error:
        return Group(why_not=f"no control group can be made: {error.strerror}")
    made.append(folder)
    return Group(folder / "cgroup.procs")


def roots_of(mounts: str) -> Mapping[str, Path]:
    """Where the hierarchy of each controller is mounted, by /proc/self/mounts. A controller has
    either a hierarchy of its own (version 1) or is in the common one (version 2)."""
    own: dict[str, Path] = {}
    common: Path | None = None
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        if fields[2] == "cgroup":
            own |= {c: Path(fields[1]) for c in fields[3].split(",") if c in CONTROLLERS}
        elif fields[2] == "cgroup2":
            common = Path(fields[1])
    return {**(dict.fromkeys(CONTROLLERS, common) if common else {}), **own}


def _handed_on(root: Path) -> list[str]:
    try:
        return (root / "cgroup.subtree_control").read_text(encoding="utf-8").split()
    except OSError:
        return []


def _remove(folder: Path) -> None:
    """Remove a group as soon as its last process has ended."""
    end = time.monotonic() + _REMOVING_S
    while folder.exists() and time.monotonic() < end:
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.02)
