"""What is said of the machine that something was counted on."""

from __future__ import annotations

import platform
import re
from pathlib import Path


def kernel() -> str:
    """The kernel's version, its numbers only."""
    found = re.match(r"[\d.]+", platform.release())
    return found[0] if found else "unknown"


def cpu_model() -> str:
    """The processor's name."""
    return _cpu("model name")


def virtualised() -> bool:
    """Whether the machine is itself a guest."""
    return " hypervisor " in f" {_cpu('flags')} "


def _cpu(key: str) -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return "unknown"
