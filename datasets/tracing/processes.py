"""What /proc says of processes: their tree, processor time, storage bytes and memory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Usage:
    """Processor time [us] and bytes of a process or a tree of them, children included."""

    user_us: float = 0.0
    system_us: float = 0.0
    storage_bytes: float = 0.0
    moved_bytes: float = 0.0

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.user_us - other.user_us,
            self.system_us - other.system_us,
            self.storage_bytes - other.storage_bytes,
            self.moved_bytes - other.moved_bytes,
        )


def tree(pid: int) -> list[int]:
    """A process and all its living descendants."""
    found = [pid]
    for parent in found:
        for children in (_PROC / str(parent) / "task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:  # The thread is gone; its children hang elsewhere.
                continue
    return found


def tree_usage(pid: int) -> Usage:
    """What a tree has used so far; a process that ended is in the times of who waited for it."""
    parts = [_usage(each) for each in tree(pid)]
    return Usage(
        sum(p.user_us for p in parts),
        sum(p.system_us for p in parts),
        sum(p.storage_bytes for p in parts),
        sum(p.moved_bytes for p in parts),
    )


def io_bytes(pid: int) -> tuple[float, float]:
    """Bytes to and from storage, and bytes through read and write calls, of one process."""
    try:
        lines = (_PROC / str(pid) / "io").read_text().splitlines()
    except OSError:  # Gone, or another user's.
        return 0.0, 0.0
    said = {key: float(value) for key, value in (line.split(": ") for line in lines)}
    return said["read_bytes"] + said["write_bytes"], said["rchar"] + said["wchar"]


def shared_out_gb(pids: Iterable[int]) -> float:
    """Proportional set size [GB]: pages that several processes share are counted once."""
    total_kb = 0.0
    for pid in pids:
        try:
            text = (_PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:
            continue
        total_kb += sum(float(x.split()[1]) for x in text.splitlines() if x.startswith("Pss:"))
    return total_kb * 1024 / 1e9


def threads(pids: Iterable[int]) -> int:
    """How many threads processes have now."""
    return sum(len(list((_PROC / str(pid) / "task").glob("*"))) for pid in pids)


def switches_and_faults(pids: Iterable[int]) -> tuple[float, float]:
    """Context switches of the threads that live, and major faults with those of the ended."""
    switches = major = 0.0
    for pid in pids:
        for status in (_PROC / str(pid) / "task").glob("*/status"):
            try:
                lines = status.read_text().splitlines()
            except OSError:
                continue
            switches += sum(float(x.split()[1]) for x in lines if "ctxt_switches" in x)
        try:
            stat = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        major += float(stat[9]) + float(stat[10])
    return switches, major


def connections(pids: Iterable[int]) -> int:
    """Established TCP connections that processes hold; one that both ends of hold counts twice."""
    established: set[str] = set()
    held: set[str] = set()
    for pid in pids:
        for name in ("tcp", "tcp6"):
            try:
                lines = (_PROC / str(pid) / "net" / name).read_text().splitlines()[1:]
            except OSError:
                continue
            cells = [line.split() for line in lines]
            established |= {cell[9] for cell in cells if cell[3] == "01"}
        for link in (_PROC / str(pid) / "fd").glob("*"):
            try:
                said = os.readlink(link)  # noqa: PTH115
            except OSError:
                continue
            if said.startswith("socket:["):
                held.add(said[8:-1])
    return len(established & held)


def network(pid: int) -> tuple[float, float]:
    """Packets and bytes, both ways, of the network namespace of a process.

    What goes over the loopback device is both sent and received there and counted once.
    """
    packets = moved = 0.0
    try:
        lines = (_PROC / str(pid) / "net" / "dev").read_text().splitlines()
    except OSError:
        return 0.0, 0.0
    for line in lines:
        name, colon, numbers = line.partition(":")
        if not colon:
            continue
        cells = [float(cell) for cell in numbers.split()]
        alone = name.strip() == "lo"
        packets += cells[1] + (0.0 if alone else cells[9])
        moved += cells[0] + (0.0 if alone else cells[8])
    return packets, moved


def loopback() -> tuple[float, float]:
    """Packets and bytes that the loopback device has carried."""
    for line in (_PROC / "net" / "dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            received = numbers.split()
            return float(received[1]), float(received[0])
    return 0.0, 0.0


def _usage(pid: int) -> Usage:
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return Usage()
    # The command stands in parentheses and may hold spaces; utime is the 12th field after it.
    ticks = [float(x) for x in stat.rpartition(")")[2].split()[11:15]]
    tick_us = 1e6 / os.sysconf("SC_CLK_TCK")
    user, system = (ticks[0] + ticks[2]) * tick_us, (ticks[1] + ticks[3]) * tick_us
    return Usage(user, system, *io_bytes(pid))
