"""What a sweep varies beside the benchmark itself: cores, link, device. Each is prepared once,
given to the instances of a round, and cleaned up after."""

from __future__ import annotations

from collections.abc import Mapping

from datasets.measuring.sweeps.cores import Cores
from datasets.measuring.sweeps.device import Device
from datasets.measuring.sweeps.link import Link
from datasets.measuring.sweeps.sweep import Sweep


def sweeps() -> Mapping[str, Sweep]:
    """All sweeps that need something made, by the name that a benchmark's setting has."""
    return {sweep.name: sweep for sweep in (Device(), Cores(), Link())}
