"""stress-ng's YAML (`--metrics --yaml FILE`)."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from datasets.importers.result import Result, member, number, read_with, refused

# What a stressor exercises; another is named by the user.
_WORKLOADS = {
    "matrix": "cpu.fp",
    "matrix-3d": "cpu.fp",
    "vecmath": "cpu.fp",
    "cpu": "cpu.int",
    "bsearch": "cpu.int",
    "qsort": "cpu.int",
    "crypt": "cpu.crypto",
    "fork": "cpu.process",
    "vfork": "cpu.process",
    "exec": "cpu.process",
    "get": "cpu.syscall",
    "syscall": "cpu.syscall",
    "switch": "cpu.context-switch",
    "pipe": "cpu.context-switch",
    "context": "cpu.context-switch",
    "malloc": "memory.allocation",
    "stream": "memory.bandwidth",
    "memrate": "memory.bandwidth",
    "open": "storage.metadata",
    "dentry": "storage.metadata",
}
# All its stressors fill half of it; a larger file is none of stress-ng's, and YAML is slow to read.
_MAX_CHARACTERS = 256 * 1024
_RATE = "bogo-ops-per-second-real-time"


def read_stress_ng(path: Path | str) -> list[Result]:
    """Bogus operations a second of real time, by stressor."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    if len(text) > _MAX_CHARACTERS:
        raise refused("is too large to be stress-ng's")
    if not re.search(r"^\.\.\.$", text, re.MULTILINE):
        raise refused("has no end ('...'); is it cut off?")
    try:
        # Not the loader in C, which ends the process where nesting is deep.
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        # A date or a number that is none raises ValueError.
        said = getattr(error, "problem", None) or "not well-formed"
        raise refused(f"is not YAML of stress-ng: {said}") from None
    system = member(document, "system-info", dict)
    setting = {
        "stress-ng version": str(system.get("stress-ng-version", "unknown")),
    }
    results = []
    for entry in member(document, "metrics", list):
        name = member(entry, "stressor", str)
        rate = number(entry.get(_RATE), _RATE)
        workload = _WORKLOADS.get(name, "")
        results.append(Result(name, "bogo ops", rate, "ops/s", workload, setting))
    return results
