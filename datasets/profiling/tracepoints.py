"""Which tracepoints tell a program's system calls by class, and what their counts say.

A tracepoint names the call, not what its descriptor is: reads and writes of sockets are known by
the sockets' own tracepoints, the rest are taken to be of files. What flags decide is told by a
filter on them: the C library's fstat() is a newfstatat() of an empty path, and looks nothing up.
strace tells all apart exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from datasets.tracing.calls import CallCounts, class_of_name
from datasets.tracing.counters import EVENTS, usable_events
from features.errors import InvalidInput, Problem

_TRACING = Path("/sys/kernel/tracing/events")
# The kernel's name of a call, where it is not that of the manual.
_KERNEL_NAMES = {
    "newstat": "stat",
    "newlstat": "lstat",
    "newfstat": "fstat",
    "sendfile64": "sendfile",
}
# The calls that programs really make: each tracepoint costs the kernel tens of ms to let go of.
_WATCHED = """
open openat stat lstat newfstatat statx access faccessat faccessat2 unlink unlinkat rename renameat2
mkdir readlink readlinkat execve chdir read write pread64 pwrite64 readv writev preadv pwritev
sendfile splice copy_file_range fstat fsync fdatasync ftruncate fallocate flock getdents64 accept
accept4 connect sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown exit_group
"""
# Calls by what their flags make of them: AT_EMPTY_PATH, and the commands that lock.
_FILTERED = {
    "newfstatat": {"newfstatat": "!(flag & 4096)", "fstat": "flag & 4096"},
    "statx": {"statx": "!(flags & 4096)", "fstat": "flags & 4096"},
    "fcntl": {"flock": "(cmd >= 5 && cmd <= 7) || (cmd >= 36 && cmd <= 38)"},
}
_MESSAGES = ("sock_send_length", "sock_recv_length")
# Calls that a socket's tracepoints count too.
_MESSAGE_CALLS = ("recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg")
_ENDING = "exit_group"


@cache
def events_of() -> dict[str, str]:
    """perf's names of what is counted, and ours. Raises InvalidInput where perf may not count."""
    usable = usable_events()
    if "raw_syscalls:sys_enter" not in usable:
        said = "perf is not installed (package linux-perf) or may not count system calls here"
        raise InvalidInput([Problem("perf", said)])
    events = {event: EVENTS[event] for event in usable}
    try:
        names = sorted(path.name for path in (_TRACING / "syscalls").glob("sys_enter_*"))
    except OSError:  # Root's only.
        names = []
    watched = frozenset(_WATCHED.split())
    for name in names:
        call = name.removeprefix("sys_enter_")
        call = _KERNEL_NAMES.get(call, call)
        if call in _FILTERED:
            events |= {f"syscalls:{name}?{f}": ours for ours, f in _FILTERED[call].items()}
        elif call in watched:
            events[f"syscalls:{name}"] = call
    for name in _MESSAGES:
        if names and (_TRACING / "sock" / name).exists():
            events[f"sock:{name}"] = name
    return events


def calls_of(counts: Mapping[str, float]) -> tuple[CallCounts, bool]:
    """System calls by class from perf's counts, and whether the classes could be told at all.

    Where they could not, all are among the cheap calls. A process is created for each that ends.
    """
    total = counts.get("syscalls", 0.0)
    if _ENDING not in counts:
        return CallCounts(calls=total), False
    named = {key: n for key, n in counts.items() if key not in (*EVENTS.values(), *_MESSAGES)}
    by_class: dict[str | None, float] = {}
    for call, n in named.items():
        by_class[class_of_name(call)] = by_class.get(class_of_name(call), 0.0) + n
    messages = sum(counts.get(name, 0.0) for name in _MESSAGES)
    over_sockets = max(0.0, messages - sum(named.get(call, 0.0) for call in _MESSAGE_CALLS))
    data = by_class.get(None, 0.0)
    over_sockets = min(over_sockets, data)
    sockets = by_class.get("socket_calls", 0.0) + over_sockets
    files = by_class.get("file_calls", 0.0) + data - over_sockets
    opens = by_class.get("open_calls", 0.0)
    calls = max(0.0, total - sockets - files - opens)
    return CallCounts(calls, files, opens, sockets, counts[_ENDING]), True
