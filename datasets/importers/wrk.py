"""The text of wrk and wrk2; several runs in one file are repeats."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from datasets.importers.result import Result, found, read_with, refused, words

_HEAD = re.compile(r"^Running \S+ test @ (\S+)", re.MULTILINE)
_TAIL = re.compile(r"^Transfer/sec: .*\n", re.MULTILINE)
_NUMBER = r"([\d.,]+)"


def read_wrk(path: Path | str) -> list[Result]:
    """Requests a second."""
    return read_with(path, lambda text: [_rate(*run) for run in _runs(text, wrk2=False)])


def read_wrk2(path: Path | str) -> list[Result]:
    """Mean latency: the rate is what was asked for, on both sides."""
    return read_with(path, lambda text: [_latency(*run) for run in _runs(text, wrk2=True)])


def _runs(text: str, *, wrk2: bool) -> list[tuple[str, str, dict[str, str]]]:
    """Workload's scheme and path, the text and the setting of each run."""
    heads = list(_HEAD.finditer(text))
    if not heads:
        raise refused("is not output of wrk: 'Running ... test @ URL' is missing")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    runs = []
    for head, end in zip(heads, ends, strict=True):
        run = text[head.start() : end]
        if not _TAIL.search(run):
            raise refused("a run has no end; is it cut off?")
        if ("Thread calibration:" in run) != wrk2:
            other = "wrk" if wrk2 else "wrk2, at a fixed rate"
            raise refused(f"is of {other}; import it as {'wrk' if wrk2 else 'wrk2'}")
        if failed := words(r"Non-2xx or 3xx responses: (\d+)", run):
            raise refused(f"{failed} responses were errors; what they cost is not the work's")
        setting = {
            "threads": words(r"^\s+(\d+) threads? and", run),
            "connections": words(r"threads? and (\d+) connections?", run),
        }
        runs.append((head[1], run, setting))
    return runs


def _rate(url: str, text: str, setting: dict[str, str]) -> Result:
    rate = found(rf"^Requests/sec:\s+{_NUMBER}$", text, "Requests/sec")
    return _result(url, "requests", rate, "req/s", setting)


def _latency(url: str, text: str, setting: dict[str, str]) -> Result:
    # wrk2 prints the mean in ms under its histogram (--latency), else only with a unit.
    if "#[Mean" in text:
        mean_ms = found(rf"#\[Mean\s+=\s+{_NUMBER},", text, "Mean")
    else:
        mean = found(rf"^\s+Latency\s+{_NUMBER}(?:us|ms|s|m)\s", text, "Latency")
        unit = words(r"^\s+Latency\s+[\d.,]+(us|ms|s|m)\s", text)
        mean_ms = mean * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[unit]
    return _result(url, "mean latency", mean_ms, "ms", setting)


def _result(url: str, metric: str, value: float, unit: str, setting: dict[str, str]) -> Result:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise refused(f"{url[:60]!r} is no URL") from None
    workload = "web.tls" if parts.scheme == "https" else "web.static"
    connections = setting["connections"]
    demands = {"concurrency": float(connections)} if 0 < len(connections) < 7 else {}
    # The two sides are reached at different hosts; what is asked for must be the same.
    return Result(parts.path or "/", metric, value, unit, workload, setting, demands)
