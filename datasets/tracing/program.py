"""What can be traced: commands that run to their end, and services under a load."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Unavailable(Exception):
    """A program cannot be traced here; the message is the reason, in one line."""


@dataclass(frozen=True)
class Point:
    """What is said of an operating point: its name, the workload it stands for, and its load."""

    name: str
    workload: str
    concurrency: float = 1.0
    pipeline_depth: float = 1.0
    payload_bytes: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Command:
    """A command that does `operations` operations and ends.

    What `base` does (the same without the operations: start-up, loading) is taken off. `cold`
    asks for an empty page cache before each run. `title` is how the command is told in the table.
    """

    point: Point
    argv: Sequence[str]
    title: str
    operations: float = 1.0
    base: Sequence[str] | None = None
    cold: bool = False
    environment: dict[str, str] = field(default_factory=dict)


# Drives about `size` operations (or, for a timed generator, a number of seconds that grows with
# it) against a service and returns how many were done.
Drive = Callable[[float], float]


@dataclass(frozen=True)
class Load:
    """One operating point of a service: how it is driven, and how far in each run."""

    point: Point
    drive: Drive
    title: str
    timed_size: float
    traced_size: float


class Service(Protocol):
    """A program that serves until it is stopped."""

    pid: int

    def loads(self) -> Sequence[Load]:
        """The operating points to drive it at."""

    def stop(self) -> None:
        """End the program."""


@dataclass(frozen=True)
class Program:
    """A program with its operating points: exactly one of `commands` and `start` is given."""

    name: str
    version: Callable[[], str]
    commands: Callable[[Path], Sequence[Command]] | None = None
    start: Callable[[Path], Service] | None = None


def tool(name: str, package: str, *folders: str) -> str:
    """The path of an installed program; raises Unavailable naming the package it is in."""
    found = shutil.which(name)
    for folder in folders:
        found = found or shutil.which(name, path=folder)
    if found is None:
        raise Unavailable(f"{name} is not installed (package {package})")
    return found


def version_of(argv: Sequence[str]) -> str:
    """The first number with a point in what a program says of its version."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d[\w.]*", done.stdout + done.stderr)
    return found[0] if found else "unknown"


def output_of(
    argv: Sequence[str],
    *,
    user: str | None = None,
    before: Callable[[], None] | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 120.0,
) -> str:
    """What a command prints, run as `user` after `before` in its process.

    A failure is Unavailable with the last line of what it said.
    """
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        user=user,
        preexec_fn=before,
        env={**os.environ, **(environment or {})},
    )
    said = done.stdout + done.stderr
    if done.returncode:
        last = said.strip().splitlines()[-1:] or ["no message"]
        raise Unavailable(f"{Path(argv[0]).name} failed: {last[0]}")
    return said


def found_number(pattern: str, text: str) -> float:
    """The number that a load generator reports."""
    match = re.search(pattern, text)
    if match is None:
        raise Unavailable(f"the load generator did not report {pattern!r}")
    return float(match[1])
