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


def canonical_unit(text: str) -> str | None:
    """The one spelling of a unit, or None when it is not known.

    Case decides only where two units differ by nothing else.
    """
    text = text.strip()
    if text in KNOWN_UNITS:
        return text
    return _SPELLINGS.get(text.lower()) or _BY_LOWER.get(text.lower())
