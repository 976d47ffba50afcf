"""A demand profile: what was watched, per operation and per second, with its sampling error."""

from __future__ import annotations

import datetime
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from datasets.profiling.tracepoints import calls_of
from datasets.profiling.watching import Sample, Watch
from datasets.tracing.calls import CallCounts
from datasets.tracing.machine import cpu_model, kernel, virtualised
from features.errors import InvalidInput, Problem
from features.files import write_whole
from features.vocabulary import vocabulary

FORMAT = 1
_TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
# Fewer windows do not tell how much a rate varies.
_FEWEST_WINDOWS = 4
_CALLS = ("calls", "file_calls", "open_calls", "socket_calls")


@dataclass(frozen=True)
class Counted:
    """A watch with the operations done in it; `traced` are strace's counts per operation."""

    program: str
    watch: Watch
    operations: float
    how: str
    traced: CallCounts | None = None


def document_of(counted: Counted) -> dict[str, Any]:
    """The profile as its JSON document. Raises InvalidInput where nothing was done."""
    watch, n = counted.watch, counted.operations
    first, last = watch.samples[0], watch.samples[-1]
    used = last.usage - first.usage
    cpu_us = used.user_us + used.system_us
    if n <= 0.0 or not math.isfinite(n):
        said = f"{n:g} operations were counted; is it under load, and is the counter its own?"
        raise InvalidInput([Problem("operations", said)])
    if cpu_us <= 0.0:
        raise InvalidInput([Problem("program", "used no processor time while it was watched")])
    calls, told = calls_of(watch.events)
    per_call = {key: getattr(calls, key) / n for key in (*_CALLS, "forks")}
    how = dict.fromkeys(per_call, "perf")
    if counted.traced is not None:
        per_call = {key: getattr(counted.traced, key) for key in per_call}
        # Under strace a program waits less often: perf's total says how many cheap calls there are.
        others = sum(per_call[key] for key in _CALLS[1:])
        per_call["calls"] = max(0.0, watch.events["syscalls"] / n - others)
        how = dict.fromkeys(per_call, "strace")
    elif not told:
        how = dict.fromkeys(per_call, "perf, not told apart: use --strace")
    if watch.finished and counted.traced is None:
        per_call["forks"] = max(0.0, per_call["forks"] - 1.0 / n)  # Its own end.
    demands = {"op_us": cpu_us / n, **per_call}
    how |= {"op_us": "proc"}
    for key in ("switches", "faults", "io_ops"):
        if key in watch.events:
            demands[key], how[key] = watch.events[key] / n, "perf"
    demands["major_faults"] = (last.major_faults - first.major_faults) / n
    how["major_faults"] = "proc"
    _add_network(demands, how, first, last, watch, n)
    _add_shares(demands, how, used.system_us / cpu_us)
    if watch.working_set_gb > 0.0:
        demands["working_set_gb"], how["working_set_gb"] = watch.working_set_gb, "proc"
    fields = vocabulary().demand_fields
    demands = {
        key: float(f"{min(max(value, fields[key].low), fields[key].high):.6g}")
        for key, value in demands.items()
    }
    return {
        "format": FORMAT,
        "program": counted.program,
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "seconds": round(watch.seconds, 3),
        "operations": n,
        "operations_by": counted.how,
        "threads": watch.threads,
        "demands": demands,
        "counted_by": how,
        "per_second": _per_second(watch, cpu_us, n),
        "relative_error": _errors(watch, cpu_us),
        "machine": {
            "kernel": kernel(),
            "cpu_model": cpu_model(),
            "cores": os.cpu_count(),
            "virtualised": virtualised(),
        },
    }


def write_profile(path: Path, document: dict[str, Any]) -> None:
    """Write the document, whole or not at all. Raises InvalidInput when it cannot be written."""
    write_whole(path, lambda file: file.write(json.dumps(document, indent=1) + "\n"))


def _add_network(
    demands: dict[str, float],
    how: dict[str, str],
    first: Sample,
    last: Sample,
    watch: Watch,
    n: float,
) -> None:
    """Packets and bytes of the namespace, where the program talks over sockets at all."""
    used = last.usage - first.usage
    if demands["socket_calls"] * n < 1.0:
        demands["packets"], how["packets"] = 0.0, "no socket calls"
        demands["payload_bytes"] = used.moved_bytes / n
        how["payload_bytes"] = "proc: through read and write calls"
        return
    demands["packets"] = (last.packets - first.packets) / n
    demands["payload_bytes"] = (last.net_bytes - first.net_bytes) / n
    how["packets"] = how["payload_bytes"] = "proc: of its network namespace"
    # A request and its answer are a packet each while they are small.
    demands["round_trips"] = min(demands["packets"], demands["socket_calls"]) / 2.0
    how["round_trips"] = "estimated: half the packets"
    if watch.connections:
        demands["concurrency"] = float(watch.connections)
        how["concurrency"] = "proc: established connections"


def _add_shares(demands: dict[str, float], how: dict[str, str], system_share: float) -> None:
    """How processor time splits: kernel time by what the calls were for, the rest computing."""
    total = sum(demands[key] for key in _CALLS)
    network = system_share * demands["socket_calls"] / total if total > 0.0 else 0.0
    network = float(f"{min(1.0, max(0.0, network)):.3f}")
    demands |= {"cpu": 1.0 - network, "memory": 0.0, "network": network, "storage": 0.0}
    said = "estimated: kernel time by the share of socket calls"
    how |= dict.fromkeys(("cpu", "memory", "network", "storage"), said)


def _per_second(watch: Watch, cpu_us: float, n: float) -> dict[str, float]:
    seconds = watch.seconds
    rates = {"operations": n / seconds, "cpu_us": cpu_us / seconds}
    rates |= {key: watch.events[key] / seconds for key in _EVENTS if key in watch.events}
    return {key: float(f"{value:.6g}") for key, value in rates.items()}


_EVENTS = ("syscalls", "switches", "faults", "io_ops")


def _errors(watch: Watch, cpu_us: float) -> dict[str, float]:
    """Relative standard errors: of times from how windows differ, of counts at least Poisson's."""
    tick = 0.0 if watch.finished else _TICK_US / cpu_us
    pairs = list(zip(watch.samples[:-1], watch.samples[1:], strict=True))
    if watch.finished:
        pairs = pairs[:-1]  # Its last sample is of another, finer clock.
    rates = [rate for pair in pairs if (rate := _rate(*pair)) is not None]
    # One run to its end, too short for windows, does not tell how runs differ.
    errors = {} if watch.finished else {"op_us": tick}
    if len(rates) >= _FEWEST_WINDOWS and fmean(rates) > 0.0:
        errors["op_us"] = math.hypot(tick, stdev(rates) / fmean(rates) / math.sqrt(len(rates)))
    for key in _EVENTS:
        if watch.events.get(key, 0.0) > 0.0:
            errors[key] = 1.0 / math.sqrt(watch.events[key])
    return {key: float(f"{value:.2g}") for key, value in errors.items()}


def _rate(first: Sample, second: Sample) -> float | None:
    """Processor time of a window per operation where those are counted, else per second."""
    used = second.usage - first.usage
    took: float = second.at_s - first.at_s
    if first.operations is not None and second.operations is not None:
        took = second.operations - first.operations
    return (used.user_us + used.system_us) / took if took > 0.0 else None


def operations_between(samples: Sequence[Sample]) -> float | None:
    """What the counter told between the first and the last sample; None without one."""
    first, last = samples[0].operations, samples[-1].operations
    return None if first is None or last is None else last - first
