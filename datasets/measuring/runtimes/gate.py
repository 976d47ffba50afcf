"""Whether a guest of /dev/kvm runs about as fast as this machine: opening it proves nothing."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

_PROGRAM = Path(__file__).with_name("kvmgate.py")
_LIMIT_S = 20.0


@functools.cache
def gate() -> str:
    """Why guests of /dev/kvm are no measure of a virtual machine here, "" when they may be.

    A loop is timed inside a guest and outside, in a process that can be ended.
    """
    try:
        done = subprocess.run(
            [sys.executable, str(_PROGRAM)], capture_output=True, text=True, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        return f"a guest's loop of a second has not ended in {_LIMIT_S:g} s"
    if done.returncode == 0:
        return ""
    return (done.stdout.strip().splitlines() or ["a guest could not be made"])[-1]
