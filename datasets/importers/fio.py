"""fio's JSON (`--output-format=json`, fio 3 or later)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.importers.result import Result, figure, json_of, member, read_with, refused
from datasets.reading import size_in_bytes

# What both sides must have in common, as fio names it.
_SETTING = (
    "rw",
    "bs",
    "iodepth",
    "numjobs",
    "direct",
    "ioengine",
    "size",
    "rwmixread",
    "rate_iops",
)
_DEFAULTS = {"rw": "read", "bs": "4k", "iodepth": "1", "numjobs": "1", "direct": "0"}
# fio's other names of an option.
_ALIASES = {"readwrite": "rw", "blocksize": "bs"}
_DIRECTIONS = ("read", "write")


def read_fio(path: Path | str) -> list[Result]:
    """One result per job and direction: IOPS of random access, bandwidth of sequential, mean
    completion latency of one random operation at a time."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    # fio's notes may stand before the document.
    document = json_of(text[max(0, text.find("{")) :])
    version = re.match(r"fio-(\d+)", member(document, "fio version", str))
    if version is not None and int(version[1]) < 3:
        raise refused(f"is of fio {version[1]}; fio 3 or later is needed")
    shared = document.get("global options")
    clones: dict[str, list[dict]] = {}
    for job in member(document, "jobs", list):
        name = member(job, "jobname", str)
        if job.get("error"):
            raise refused(f"job {name!r} ended with error {job['error']}")
        clones.setdefault(name, []).append(job)
    return [
        result
        for name, jobs in clones.items()
        for way in _DIRECTIONS
        for result in _results(name, way, jobs, _options(jobs[0], shared))
    ]


def _options(job: Mapping[str, Any], shared: Any) -> dict[str, str]:
    options = dict(_DEFAULTS)
    for group in (shared, job.get("job options")):
        if isinstance(group, dict):
            options |= {_ALIASES.get(str(k), str(k)): str(v) for k, v in group.items()}
            if "buffered" in group:
                options["direct"] = "0" if str(group["buffered"]) == "1" else "1"
    return options


def _results(name: str, way: str, jobs: list[dict], options: Mapping[str, str]) -> list[Result]:
    """What the clones of a job (numjobs) did together in one direction."""
    sides = [member(job, way, dict) for job in jobs]
    iops = sum(figure(side, "iops") for side in sides)
    if iops <= 0.0:
        return []
    depth = _whole(options["iodepth"]) * _whole(options["numjobs"])
    demands = {"queue_depth": depth, "payload_bytes": _block(options["bs"], way)}
    demands = {key: value for key, value in demands.items() if value > 0.0}
    setting = {key: options[key] for key in _SETTING if key in options}
    mixed = options["rw"] in ("rw", "readwrite", "randrw")
    job = f"{name} {way}" if mixed else name

    def result(metric: str, value: float, unit: str, workload: str) -> list[Result]:
        given = {k: v for k, v in demands.items() if k != "queue_depth" or _queues(workload)}
        return [Result(job, metric, value, unit, workload, setting, given)]

    if options["direct"] != "1":
        return result("IOPS", iops, "IOPS", "storage.cached")
    if not options["rw"].startswith("rand"):
        mib = sum(figure(side, "bw_bytes") for side in sides) / 1024**2
        return result("bandwidth", mib, "MiB/s", f"storage.sequential-{way}")
    if depth == 1.0 and way == "read":
        latency_ns = figure(member(sides[0], "clat_ns", dict), "mean")
        return result("mean completion latency", latency_ns / 1e3, "us", "storage.latency")
    return result("IOPS", iops, "IOPS", f"storage.random-{way}")


def _queues(workload: str) -> bool:
    return workload not in ("storage.latency", "storage.cached")


def _whole(text: str) -> float:
    return float(text) if text.isdecimal() and len(text) < 7 else 0.0


def _block(text: str, way: str) -> float:
    """The block size of a direction: "4k", or "4k,8k" for reads and writes."""
    sizes = text.split(",")
    try:
        return size_in_bytes(sizes[min(_DIRECTIONS.index(way), len(sizes) - 1)])
    except ValueError:  # A range or a split.
        return 0.0
