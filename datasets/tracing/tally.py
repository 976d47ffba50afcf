"""One operating point's counts, gathered from a timed run, a perf run and a strace run.

Three runs, because strace slows a program so much that its times mean nothing, and perf by a
little. Each run is done small and large, and the difference is what counts: connections,
handshakes and start-up fall out of it.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from datasets.traces import Trace
from datasets.tracing.calls import CallCounts
from datasets.tracing.machine import cpu_model, kernel, virtualised
from datasets.tracing.processes import Usage
from datasets.tracing.program import Point


@dataclass
class Tally:
    """Counts per operation, as far as they are known."""

    operations: float = 0.0
    usage: Usage = field(default_factory=Usage)
    wall_us: float = 0.0
    calls: CallCounts = field(default_factory=CallCounts)
    events: dict[str, float] = field(default_factory=dict)
    packets: float | None = None
    bytes: float | None = None
    working_set_gb: float = 0.0


def per_operation(large: CallCounts, small: CallCounts, operations: float) -> CallCounts:
    """The difference of two counts over the operations between them; noise is not negative."""
    return CallCounts(
        **{
            key: max(0.0, getattr(large, key) - getattr(small, key)) / operations
            for key in CallCounts.__dataclass_fields__
        }
    )


def corrected_calls(counts: CallCounts, total: float | None) -> float:
    """Cheap calls: perf's total without the other classes, where perf counted.

    Under strace a server is slow, so that more connections are ready at each wait and it waits
    less often: the calls that move data stay the same, those that wait do not.
    """
    if total is None:
        return counts.calls
    return max(0.0, total - (counts.total - counts.calls))


def trace_of(tally: Tally, point: Point, program: str, version: str, command: str) -> Trace:
    """The row of the table."""
    usage, counts = tally.usage, tally.calls
    op_us = usage.user_us + usage.system_us
    total = tally.events.get("syscalls")
    return Trace(
        id=f"{program}-{point.name}",
        program=program,
        version=version,
        workload=point.workload,
        command=command,
        concurrency=point.concurrency,
        pipeline_depth=point.pipeline_depth,
        payload_bytes=point.payload_bytes,
        operations=tally.operations,
        op_us=op_us,
        # The kernel splits a total that it knows well by ticks that it samples: noise may pass 0.
        user_share=min(1.0, max(0.0, usage.user_us / op_us)),
        wall_us=tally.wall_us,
        calls=corrected_calls(counts, total),
        file_calls=counts.file_calls,
        open_calls=counts.open_calls,
        socket_calls=counts.socket_calls,
        forks=counts.forks,
        syscalls=total,
        switches=tally.events.get("switches"),
        faults=tally.events.get("faults"),
        io_ops=tally.events.get("io_ops"),
        packets=tally.packets,
        bytes=tally.bytes,
        storage_bytes=max(0.0, usage.storage_bytes),
        working_set_gb=tally.working_set_gb,
        kernel=kernel(),
        cpu_model=cpu_model(),
        virtualised=virtualised(),
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        note=point.note,
    )
