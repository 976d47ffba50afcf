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
    grouped = _is_grouped(watch)
    user_us, system_us = _cpu_us(first, last, grouped)
    cpu_us = user_us + system_us
    wait_us = _storage_wait_us(watch)
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
    demands = {"op_us": (cpu_us + (wait_us or 0.0)) / n, **per_call}
    how |= {"op_us": "cgroup" if grouped else "proc"}
    if wait_us:
        how["op_us"] += ", and its wait for storage"
    for key in ("switches", "faults", "io_ops"):
        if key in watch.events:
            demands[key], how[key] = watch.events[key] / n, "perf"
    demands["major_faults"] = (last.major_faults - first.major_faults) / n
    how["major_faults"] = "proc"
    _add_network(demands, how, first, last, watch, n)
    _add_storage(demands, how, first, last, n)
    _add_shares(demands, how, system_us / cpu_us, cpu_us, wait_us)
    _add_memory(demands, how, watch)
    fields = vocabulary().demand_fields
    demands = {
        key: float(f"{min(max(value, fields[key].low), fields[key].high):.6g}")
        for key, value in demands.items()
    }
    peak = {} if last.group.peak_gb is None else {"memory_peak_gb": last.group.peak_gb}
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
        "cgroup": watch.group.source(),
        **peak,
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


def _is_grouped(watch: Watch) -> bool:
    """Whether a control group told the processor time; a short run may end before it is added."""
    first, last = watch.samples[0].group, watch.samples[-1].group
    return (last.user_us or 0.0) + (last.system_us or 0.0) > (
        (first.user_us or 0.0) + (first.system_us or 0.0)
    )


def _cpu_us(first: Sample, last: Sample, grouped: bool) -> tuple[float, float]:
    """Processor time between two looks, of the program and of the kernel for it [us]."""
    if not grouped:
        used = last.usage - first.usage
        return used.user_us, used.system_us
    before, after = first.group, last.group
    user = (after.user_us or 0.0) - (before.user_us or 0.0)
    return user, (after.system_us or 0.0) - (before.system_us or 0.0)


def _storage_wait_us(watch: Watch) -> float | None:
    """Time [us] in which the program did nothing but wait for storage; None where no one knows."""
    first, last = watch.samples[0].group, watch.samples[-1].group
    if first.storage_wait_us is None or last.storage_wait_us is None:
        return None
    return max(0.0, last.storage_wait_us - first.storage_wait_us)


def _add_storage(
    demands: dict[str, float], how: dict[str, str], first: Sample, last: Sample, n: float
) -> None:
    """Storage operations by kind, where the control group counts them."""
    before, after = first.group, last.group
    if before.read_ops is None or after.read_ops is None:
        return
    reads = after.read_ops - before.read_ops
    writes = (after.write_ops or 0.0) - (before.write_ops or 0.0)
    if "io_ops" not in demands:
        demands["io_ops"], how["io_ops"] = (reads + writes) / n, "cgroup"
    if reads + writes > 0.0:
        demands["write_share"], how["write_share"] = writes / (reads + writes), "cgroup"


def _add_memory(demands: dict[str, float], how: dict[str, str], watch: Watch) -> None:
    """Memory in use: of the pages mapped, or of the control group's where those are more, which
    are the pages of files that are read and written as well, without those long unused."""
    held = [s.group.memory_gb for s in watch.samples if s.group.memory_gb is not None]
    used = max([watch.working_set_gb, *held])
    if used > 0.0:
        demands["working_set_gb"] = used
        how["working_set_gb"] = "cgroup" if used > watch.working_set_gb else "proc"


def _add_shares(
    demands: dict[str, float],
    how: dict[str, str],
    system_share: float,
    cpu_us: float,
    wait_us: float | None,
) -> None:
    """How time splits: kernel time by what the calls were for, the rest computing, beside it the
    time that waits for storage, which only a control group tells: bytes and operations alone do
    not say whether anyone waited for them."""
    storage = 0.0 if wait_us is None else wait_us / (cpu_us + wait_us)
    total = sum(demands[key] for key in _CALLS)
    network = system_share * demands["socket_calls"] / total if total > 0.0 else 0.0
    network *= 1.0 - storage
    storage, network = (float(f"{min(1.0, max(0.0, x)):.3f}") for x in (storage, network))
    demands |= {"cpu": 1.0 - network - storage, "memory": 0.0}
    demands |= {"network": network, "storage": storage}
    said = "estimated: kernel time by the share of socket calls"
    how |= dict.fromkeys(("cpu", "memory", "network"), said)
    how["storage"] = "not known: no control group" if wait_us is None else "cgroup: full pressure"


def _per_second(watch: Watch, cpu_us: float, n: float) -> dict[str, float]:
    seconds = watch.seconds
    rates = {"operations": n / seconds, "cpu_us": cpu_us / seconds}
    rates |= {key: watch.events[key] / seconds for key in _EVENTS if key in watch.events}
    return {key: float(f"{value:.6g}") for key, value in rates.items()}


_EVENTS = ("syscalls", "switches", "faults", "io_ops")


def _errors(watch: Watch, cpu_us: float) -> dict[str, float]:
    """Relative standard errors: of times from how windows differ, of counts at least Poisson's."""
    grouped = _is_grouped(watch)
    tick = 0.0 if watch.finished or grouped else _TICK_US / cpu_us
    pairs = list(zip(watch.samples[:-1], watch.samples[1:], strict=True))
    if watch.finished and not grouped:
        pairs = pairs[:-1]  # Its last sample is of another, finer clock.
    rates = [rate for pair in pairs if (rate := _rate(*pair, grouped)) is not None]
    # One run to its end, too short for windows, does not tell how runs differ.
    errors = {} if watch.finished else {"op_us": tick}
    if len(rates) >= _FEWEST_WINDOWS and fmean(rates) > 0.0:
        errors["op_us"] = math.hypot(tick, stdev(rates) / fmean(rates) / math.sqrt(len(rates)))
    for key in _EVENTS:
        if watch.events.get(key, 0.0) > 0.0:
            errors[key] = 1.0 / math.sqrt(watch.events[key])
    return {key: float(f"{value:.2g}") for key, value in errors.items()}


def _rate(first: Sample, second: Sample, grouped: bool) -> float | None:
    """Processor time of a window per operation where those are counted, else per second."""
    used = sum(_cpu_us(first, second, grouped))
    took: float = second.at_s - first.at_s
    if first.operations is not None and second.operations is not None:
        took = second.operations - first.operations
    return used / took if took > 0.0 else None


def operations_between(samples: Sequence[Sample]) -> float | None:
    """What the counter told between the first and the last sample; None without one."""
    first, last = samples[0].operations, samples[-1].operations
    return None if first is None or last is None else last - first
