"""What every sweep is to the suite, and which processes an instance is made of."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.measuring.catalog import Setting
from datasets.measuring.runtimes.runtime import Place, Runtime
from datasets.measuring.session import Session

_PROC = Path("/proc")


class Sweep:
    """A sweep as the suite sees it.

    `broken` says why it does not work on this machine, "" while it does: its benchmarks are then
    told as missing. `own_instances`: whether its benchmarks are asked of instances that `start`
    gives, or of the usual ones, which `take` is told. `touches` is what it makes beside files in
    the run's own folder.
    """

    name = ""
    touches = ""
    own_instances = True
    # Where the other end of a link listens.
    address = ""

    def __init__(self) -> None:
        self.broken = ""

    def missing(self) -> str:
        """What it lacks here, in a line; "" when it may be tried."""
        return ""

    def prepare(self, place: Place, runtimes: Sequence[Runtime]) -> None:
        """Make what its benchmarks need. Raises Broken."""

    def cannot(self, runtime: Runtime) -> str:  # noqa: ARG002
        """Why a runtime has no part in it, "" when it has."""
        return ""

    def start(self, runtime: Runtime, place: Place, setting: Setting) -> Session:
        """An instance for its benchmarks. Raises Broken."""
        raise NotImplementedError

    def take(self, runtime: Runtime, place: Place, session: Session) -> None:
        """Have the usual instance of a runtime for what is asked next. Raises Broken."""

    def set(self, setting: Setting) -> None:
        """Set what is varied, before a benchmark is asked for. Raises Broken."""

    def settle(self) -> None:
        """Before each side is asked: bring what the sides share to one state."""

    def clean(self, place: Place) -> None:
        """Take away what was made outside the run's folder."""


def processes_of(session: Session, name: str) -> list[int]:
    """The processes of an instance: those that its first one has started, and those in a control
    group or with a command line of the instance's name, which a daemon may have started."""
    assert session.process is not None
    children = defaultdict(list)
    named = []
    for process in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            pid = int(process.name)
            after = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
            children[int(after[1])].append(pid)
            if name in (process / "cgroup").read_text() or _has_word(process, name):
                named.append(pid)
    found: list[int] = []
    left = [session.process.pid, *named]
    while left:
        pid = left.pop()
        if pid not in found:
            found.append(pid)
            left += children[pid]
    return found


def threads_of(pid: int) -> Iterator[Path]:
    """What the kernel tells of each thread of a process, which may end meanwhile."""
    with contextlib.suppress(OSError):
        yield from (_PROC / str(pid) / "task").iterdir()


def _has_word(process: Path, name: str) -> bool:
    return name in (process / "cmdline").read_text(errors="replace").split("\0")
