"""A host profile as `nearmetal measure --calibrate` writes it, made up."""

from __future__ import annotations

import copy
from typing import Any

_MACHINE = {
    "cpu": "A Processor",
    "cores": 2,
    "memory_gb": 23.5,
    "virtualised": False,
    "kernel": "Linux 6.1.0",
}


def constant(quantity: str, key: str, value: float, unit: str) -> dict[str, Any]:
    """One constant of a profile."""
    made = {"quantity": quantity, "key": key, "value": value, "unit": unit, "measured": "it"}
    return made | {"low": value * 0.9, "high": value * 1.2, "spread": value * 0.05, "repeats": 21}


_PROFILE = {
    "format": 1,
    "machine": _MACHINE,
    "settings": {"governor": "", "mitigations": {}},
    "conditions": [{"steal": 0.0, "mhz": None}],
    "constants": [
        constant("seccomp_ns", "cached", 40.0, "ns"),
        constant("network_latency_us", "veth", 6.0, "us"),
    ],
    "measured": [],
    "left_out": [{"name": "cpuid", "why": "this machine is no guest"}],
}


def host_profile(*constants: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A profile of its own two constants, or of those given."""
    made = copy.deepcopy(_PROFILE) | changes
    return made | ({"constants": list(constants)} if constants else {})
