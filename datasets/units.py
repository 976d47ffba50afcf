"""The units a measurement may be in, by what they count, and the spellings they go by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

DIMENSIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "time": ("ns", "us", "ms", "s", "cycles"),
        "operations per second": ("ops/s", "kops/s", "Mops/s", "IOPS", "GUP/s"),
        "requests per second": ("req/s", "kreq/s", "tx/s", "conn/s"),
        "messages per second": ("msg/s", "events/s", "packets/s", "kpps", "Mpps"),
        "items per second": ("tokens/s", "frames/s", "images/s", "examples/s", "containers/s"),
        "bits per second": ("bit/s", "kbit/s", "Mbit/s", "Gbit/s"),
        "bytes per second": ("B/s", "KB/s", "MB/s", "GB/s", "KiB/s", "MiB/s", "GiB/s"),
        "arithmetic per second": ("KFLOPS", "MFLOPS", "GFLOPS", "TFLOPS", "MIPS"),
        "frequency": ("Hz", "kHz", "MHz"),
        "runs per time": ("runs/s", "runs/min"),
        "size": ("B", "KB", "MB", "GB", "KiB", "MiB", "GiB"),
        "count": ("count",),
        "score": ("score", "units", "ratio"),
    }
)

_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "sec": "s",
        "secs": "s",
        "seconds": "s",
        "milliseconds": "ms",
        "microseconds": "us",
        "µs": "us",
        "nanoseconds": "ns",
        "cycles(ns?)": "cycles",
        "ops/sec": "ops/s",
        "op/s": "ops/s",
        "operations/s": "ops/s",
        "bogo ops/s": "ops/s",
        "mop/s": "Mops/s",
        "mcalls/s": "Mops/s",
        "requests/sec": "req/s",
        "requests/s": "req/s",
        "tps": "tx/s",
        "ev/s": "events/s",
        "mpkt/s": "Mpps",
        "tok/s": "tokens/s",
        "tokens/sec": "tokens/s",
        "fps": "frames/s",
        "img/s": "images/s",
        "img/s (file unit)": "images/s",
        "examples/sec": "examples/s",
        "mbits/sec": "Mbit/s",
        "gbits/sec": "Gbit/s",
        "mbps": "Mbit/s",
        "gbps": "Gbit/s",
        "bench units": "units",
    }
)

KNOWN_UNITS = tuple(dict.fromkeys(unit for units in DIMENSIONS.values() for unit in units))
_BY_LOWER = {unit.lower(): unit for unit in KNOWN_UNITS}


# What a unit is of another, where they convert: its base and how many of it one is.
_IN_BASE: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "ns": ("s", 1e-9),
        "us": ("s", 1e-6),
        "ms": ("s", 1e-3),
        "kops/s": ("ops/s", 1e3),
        "Mops/s": ("ops/s", 1e6),
        "kreq/s": ("req/s", 1e3),
        "kpps": ("packets/s", 1e3),
        "Mpps": ("packets/s", 1e6),
        "kbit/s": ("bit/s", 1e3),
        "Mbit/s": ("bit/s", 1e6),
        "Gbit/s": ("bit/s", 1e9),
        "B/s": ("bit/s", 8.0),
        "KB/s": ("bit/s", 8e3),
        "MB/s": ("bit/s", 8e6),
        "GB/s": ("bit/s", 8e9),
        "KiB/s": ("bit/s", 8.0 * 1024),
        "MiB/s": ("bit/s", 8.0 * 1024**2),
        "GiB/s": ("bit/s", 8.0 * 1024**3),
        "MFLOPS": ("KFLOPS", 1e3),
        "GFLOPS": ("KFLOPS", 1e6),
        "TFLOPS": ("KFLOPS", 1e9),
        "kHz": ("Hz", 1e3),
        "MHz": ("Hz", 1e6),
        "runs/min": ("runs/s", 1.0 / 60.0),
        "KB": ("B", 1e3),
        "MB": ("B", 1e6),
        "GB": ("B", 1e9),
        "KiB": ("B", 1024.0),
        "MiB": ("B", 1024.0**2),
        "GiB": ("B", 1024.0**3),
    }
)


def converted(value: float, unit: str, target: str) -> float:
    """A value in another unit of its kind; raises ValueError where there is no way between them.

    Both are canonical spellings.
    """
    base, factor = _IN_BASE.get(unit, (unit, 1.0))
    target_base, target_factor = _IN_BASE.get(target, (target, 1.0))
    if base != target_base:
        raise ValueError(f"{unit} cannot be converted to {target}")
    return value * factor / target_factor


def is_time(unit: str) -> bool:
    """Whether less of it is better: seconds and their parts."""
    return _IN_BASE.get(unit, (unit, 1.0))[0] == "s"


def canonical_unit(text: str) -> str | None:
    """The one spelling of a unit, or None when it is not known.

    Case decides only where two units differ by nothing else.
    """
    text = text.strip()
    if text in KNOWN_UNITS:
        return text
    return _SPELLINGS.get(text.lower()) or _BY_LOWER.get(text.lower())
