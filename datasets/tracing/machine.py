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
    return field_of("/proc/cpuinfo", "model name") or "unknown"


def virtualised() -> bool:
    """Whether the machine is itself a guest."""
    return "hypervisor" in field_of("/proc/cpuinfo", "flags").split()


def field_of(path: str, key: str) -> str:
    """The first value of a key in a file of "key: value" lines of the kernel's; "" where it does
    not tell."""
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.strip() == key:
            return value.strip()
    return ""
