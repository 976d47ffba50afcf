"""A device of a chosen rate: a control group that lets so many operations a second through.

Reads go past the page cache, or find it empty where a sandbox opens the file in its own way; writes
are synchronous. The group is this run's own, and the usual instances are moved into it at the end
of each round: only what they ask of the device is held back.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

from datasets.measuring.catalog import Setting
from datasets.measuring.runtimes.runtime import Place, Runtime
from datasets.measuring.session import Broken, Session
from datasets.measuring.sweeps.sweep import Sweep, processes_of

CGROUPS = Path("/sys/fs/cgroup")
_FILE = "device-file"
_FILE_MIB = 64
_REMOVING_S = 5.0


class Device(Sweep):
    """The block device that the run's folder lies on, behind a limit of operations a second."""

    name = "device"
    touches = "a control group of block devices, and a file of 64 MiB in its folder"
    own_instances = False

    def __init__(self, cgroups: Path = CGROUPS) -> None:
        super().__init__()
        self._cgroups = cgroups
        self._group: Path | None = None
        self._number = ""
        self._file: Path | None = None

    def missing(self) -> str:
        if os.geteuid() != 0:
            return "it needs root"
        return "" if self._hierarchy() else "no control groups with limits of block devices here"

    def prepare(self, place: Place, runtimes: Sequence[Runtime]) -> None:
        hierarchy = self._hierarchy()
        assert hierarchy is not None
        self._number = _device_of(place.folder)
        self._file = place.folder / _FILE
        _fill(self._file)
        for runtime in runtimes:
            if data := runtime.data(place):
                with contextlib.suppress(FileExistsError):
                    (data / _FILE).hardlink_to(self._file)
        group = hierarchy / f"{place.stem}-device"
        self._group = group
        try:
            group.mkdir()
            self._limit(group, 1_000)
            self._limit(group, 0)
        except OSError as error:
            raise Broken(
                f"no limit can be set on device {self._number}: {error.strerror}"
            ) from None

    def cannot(self, runtime: Runtime) -> str:
        if type(runtime).data is Runtime.data:
            return "its files lie in no folder of this machine that nearmetal knows"
        return ""

    def take(self, runtime: Runtime, place: Place, session: Session) -> None:
        assert self._group is not None
        for pid in processes_of(session, place.name(runtime.name)):
            with contextlib.suppress(ProcessLookupError):
                try:
                    (self._group / "cgroup.procs").write_text(str(pid))
                except OSError as error:
                    raise Broken(f"it cannot be put into the group: {error.strerror}") from None

    def set(self, setting: Setting) -> None:
        assert self._group is not None
        try:
            self._limit(self._group, round(setting.storage_iops or 0))
        except OSError as error:
            raise Broken(f"no limit can be set: {error.strerror}") from None

    def settle(self) -> None:
        """No page of the file is left in memory, for who reads it there."""
        assert self._file is not None
        descriptor = os.open(self._file, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)

    def clean(self, place: Place) -> None:  # noqa: ARG002
        """Instances that are just ending keep the group for a moment."""
        group, self._group = self._group, None
        end = time.monotonic() + _REMOVING_S
        while group and group.exists() and time.monotonic() < end:
            with contextlib.suppress(OSError):
                group.rmdir()
                return
            time.sleep(0.05)

    def _hierarchy(self) -> Path | None:
        """Where a group with limits can be made: version 2 with `io` for its groups, or 1."""
        with contextlib.suppress(OSError):
            if "io" in (self._cgroups / "cgroup.subtree_control").read_text().split():
                return self._cgroups
        old = self._cgroups / "blkio"
        return old if (old / "blkio.throttle.read_bps_device").exists() else None

    def _limit(self, group: Path, iops: int) -> None:
        """Let so many reads and so many writes through a second; 0 for all."""
        if (group / "io.max").exists():
            most = iops or "max"
            (group / "io.max").write_text(f"{self._number} riops={most} wiops={most}")
            return
        for kind in ("read", "write"):
            (group / f"blkio.throttle.{kind}_iops_device").write_text(f"{self._number} {iops}")


def _device_of(folder: Path) -> str:
    """The whole block device that a folder lies on, as MAJOR:MINOR. Raises Broken."""
    number = folder.stat().st_dev
    told = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if not told.exists():
        raise Broken(f"{folder} lies on no block device of its own (tmpfs, overlay, btrfs, ...)")
    whole = told.resolve().parent if (told / "partition").exists() else told
    return (whole / "dev").read_text().strip()


def _fill(file: Path) -> None:
    """Make a file whose blocks are on the device and can be read past the cache. Raises Broken."""
    try:
        with file.open("wb") as made:
            for _ in range(_FILE_MIB):
                made.write(os.urandom(1 << 20))
            made.flush()
            os.fsync(made.fileno())
        os.close(os.open(file, os.O_RDONLY | os.O_DIRECT))
    except OSError as error:
        raise Broken(f"{file.parent} takes no direct I/O: {error.strerror}") from None
