"""System calls by class, read from strace's lines.

The classes are those of a demand profile. What a descriptor is (a file, a socket, a pipe) is
printed by `strace -yy` and not guessed: the same read() is a file call on one and a socket call
on the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Look-ups of a path: what a file server pays for by name.
_PATH_CALLS = _names(
    "open openat openat2 creat stat lstat newfstatat statx statfs access faccessat faccessat2 "
    "unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir link linkat symlink symlinkat "
    "readlink readlinkat chmod fchmodat chown lchown fchownat truncate utime utimensat chdir "
    "getxattr lgetxattr setxattr mknod mknodat execve execveat"
)
# Calls that move data or ask about what stands behind a descriptor.
_DATA_CALLS = _names(
    "read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 sendfile splice "
    "copy_file_range vmsplice"
)
_FILE_CALLS = _DATA_CALLS | _names(
    "fstat newfstatat statx fstatfs fsync fdatasync sync_file_range ftruncate fallocate flock "
    "getdents getdents64 fchmod fchown readahead"
)
_SOCKET_CALLS = _DATA_CALLS | _names(
    "recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg accept accept4 connect shutdown"
)
# What moves data over sockets alone, and what stands for files alone, whatever the descriptor.
_SOCKET_ONLY = _SOCKET_CALLS - _DATA_CALLS
_FILE_ONLY = _names("pread64 pwrite64 preadv pwritev preadv2 pwritev2 copy_file_range") | (
    _FILE_CALLS - _DATA_CALLS - _PATH_CALLS
)
_CREATIONS = _names("fork vfork clone clone3")
_LOCKS = re.compile(r"\bF_(OFD_)?(SETLKW?|GETLK)\b")

_LINE = re.compile(r"^(?:\[pid\s+\d+\]\s+|\d+\s+)?(?:[\d:.]+\s+)?([a-z_][a-z0-9_]*)\((.*)")
_DESCRIPTOR = re.compile(r"^\d+<([^>]*)")
_EMPTY_PATH = re.compile(r'^\S+, "",')


@dataclass(frozen=True)
class CallCounts:
    """System calls by class, and processes created (threads are none)."""

    calls: float = 0.0
    file_calls: float = 0.0
    open_calls: float = 0.0
    socket_calls: float = 0.0
    forks: float = 0.0

    @property
    def total(self) -> float:
        """All system calls; forks are among `calls`."""
        return self.calls + self.file_calls + self.open_calls + self.socket_calls


def class_of(name: str, arguments: str) -> str:
    """The class of one call: calls (cheap), file_calls, open_calls or socket_calls."""
    if name in _PATH_CALLS and not _EMPTY_PATH.match(arguments):
        return "open_calls"
    kind = _descriptor_kind(arguments)
    if kind == "socket" and name in _SOCKET_CALLS:
        return "socket_calls"
    if kind == "file" and (
        name in _FILE_CALLS or (name == "fcntl" and _LOCKS.search(arguments) is not None)
    ):
        return "file_calls"
    return "calls"


def class_of_name(name: str) -> str | None:
    """The class of a call by its name alone; None where what the descriptor is decides."""
    if name in _PATH_CALLS:
        return "open_calls"
    if name in _SOCKET_ONLY:
        return "socket_calls"
    if name in _FILE_ONLY:
        return "file_calls"
    return None if name in _DATA_CALLS else "calls"


def count_calls(lines: Iterable[str]) -> CallCounts:
    """Count the lines of `strace -f -yy`.

    A call that another thread's line interrupts is counted where it begins; its "resumed" line,
    signals and exits are no calls.
    """
    counts = dict.fromkeys(CallCounts.__dataclass_fields__, 0.0)
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        name, arguments = match.groups()
        counts[class_of(name, arguments)] += 1.0
        if name in _CREATIONS and "CLONE_THREAD" not in arguments:
            counts["forks"] += 1.0
    return CallCounts(**counts)


def _descriptor_kind(arguments: str) -> str:
    """What the first argument is open on: file, socket, or other (pipe, epoll, device, none)."""
    match = _DESCRIPTOR.match(arguments)
    if match is None:
        return "other"
    behind = match[1]
    if behind.startswith("/"):
        # A device prints as /dev/null<char 1:3>; a file's name has no such annotation.
        return "other" if "<char " in behind else "file"
    if behind.startswith(("pipe:", "anon_inode:")):
        return "other"
    return "socket"
