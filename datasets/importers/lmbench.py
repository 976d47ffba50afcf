"""The lines that lmbench's programs print; a line told twice is a repeat."""

from __future__ import annotations

import re
from pathlib import Path

from datasets.importers.result import Result, number, read_with, refused

_NAMED = re.compile(r"^([A-Z][^:\n]{2,80}): ([\d.,]+) (microseconds|nanoseconds|MB/sec)\n", re.M)
# Its end is an empty line, so that the last size is there.
_STRIDE = re.compile(r'^"stride=(\d+)\n((?:[\d.,]+ [\d.,]+\n)+)\n', re.MULTILINE)
_UNITS = {"microseconds": "us", "nanoseconds": "ns", "MB/sec": "MB/s"}
# The first words of a line, and what they exercise.
_WORKLOADS = {
    "Simple syscall": "cpu.syscall",
    "Simple stat": "storage.metadata",
    "Simple open/close": "storage.metadata",
    "Process": "cpu.process",
    "Pipe latency": "cpu.context-switch",
    "TCP latency": "network.latency",
    "UDP latency": "network.latency",
    "TCP/IP connection cost": "network.connection-rate",
}


def read_lmbench(path: Path | str) -> list[Result]:
    """Latencies and rates by the line's name, and the last latency of each lat_mem_rd."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    if not text.endswith("\n"):
        raise refused("its last line has no end; is it cut off?")
    results = [_named(*match.groups()) for match in _NAMED.finditer(text)]
    for match in _STRIDE.finditer(text):
        size, latency = match[2].split("\n")[-2].split()
        setting = {"working set in MB": size}
        demands = {"working_set_gb": number(size, "size") / 1e3}
        results.append(
            Result(
                f"lat_mem_rd stride {match[1]}",
                "latency",
                number(latency, "latency"),
                "ns",
                "memory.latency",
                setting,
                demands,
            )
        )
    if not results:
        raise refused("has no line of lmbench ('Simple syscall: 0.1 microseconds')")
    return results


def _named(name: str, value: str, unit: str) -> Result:
    workload = next((w for start, w in _WORKLOADS.items() if name.startswith(start)), "")
    metric = "rate" if unit == "MB/sec" else "latency"
    return Result(name, metric, number(value, name), _UNITS[unit], workload)
