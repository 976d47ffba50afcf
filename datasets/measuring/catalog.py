"""The benchmarks: what each measures, as which workload with which demands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_GB = 1e9
_MIB = 2**20
# The pages that one fresh mapping of `page-fault` has: mmap, madvise and munmap are shared by them.
_FAULT_PAGES = 256

STARTUP = "startup"


@dataclass(frozen=True)
class Setting:
    """What of the machine a benchmark is given; what is None is as the machine has it.

    `sweep` names what takes care of it ("" for nothing): benchmarks of one sweep and one number
    of cores share their instances.
    """

    sweep: str = ""
    cores: int | None = None
    network_gbps: float | None = None
    storage_iops: float | None = None


AS_IT_IS = Setting()


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of the program, or the start of an instance.

    `demands` is what differs from the workload's profile. Where `own_time` holds, one operation
    is one thing that a kernel is asked for, and the row's `op_us` is the time it took natively.
    `huge` asks for 2 MiB pages; such a row is compared with `bare`, the benchmark with bare
    metal's usual pages. `loopback` stays inside the instance's own network stack. `quick` is
    whether `--quick` runs it.

    `program` is what the program calls it, "" for `name`; one operation moves `payload` bytes (0:
    as the program has it), `workers` processes work at once. `bound_ns` is the time that the
    setting's limit alone takes for one operation, 0 where nothing is limited.
    """

    name: str
    workload: str
    title: str
    demands: Mapping[str, float] = field(default_factory=dict)
    unit: str = "ns"
    own_time: bool = False
    huge: bool = False
    bare: str = ""
    loopback: bool = False
    quick: bool = True
    program: str = ""
    payload: int = 0
    workers: int = 1
    setting: Setting = AS_IT_IS
    bound_ns: float = 0.0

    @property
    def words(self) -> tuple[str, int, int]:
        """What the program is asked for: its name of it, bytes, workers."""
        return self.program or self.name, self.payload, self.workers


def _chase(size: str, mebibytes: float, *, quick: bool, huge: bool = False) -> Benchmark:
    pages = "2 MiB" if huge else "4 KiB"
    return Benchmark(
        name=f"chase-{size}-2m" if huge else f"chase-{size}",
        workload="memory.latency",
        title=f"dependent load, {size.upper()}iB on {pages} pages",
        demands={"working_set_gb": float(f"{mebibytes * _MIB / _GB:.3g}")},
        own_time=True,
        huge=huge,
        bare=f"chase-{size}" if huge else "",
        quick=quick,
    )


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark("int-dependent", "cpu.int", "step of a dependent integer chain"),
    Benchmark("int-branchy", "cpu.int", "unpredictable branch"),
    Benchmark("fp-scalar", "cpu.fp", "double multiply-add, scalar", {"simd_share": 0.0}),
    Benchmark("fp-simd", "cpu.fp", "double multiply-add, vector", {"simd_share": 1.0}),
    Benchmark(
        "copy",
        "memory.bandwidth",
        "copy of 1 KiB, word by word, 32 MiB to 32 MiB",
        {"working_set_gb": 0.0671},
    ),
    _chase("32k", 1 / 32, quick=False),
    _chase("1m", 1, quick=True),
    _chase("16m", 16, quick=False),
    _chase("64m", 64, quick=True),
    _chase("256m", 256, quick=False),
    _chase("64m", 64, quick=True, huge=True),
    _chase("256m", 256, quick=False, huge=True),
    Benchmark("getppid", "cpu.syscall", "getppid", own_time=True),
    Benchmark(
        "pipe",
        "cpu.context-switch",
        "round trip of a byte through two pipes, both ends on one processor",
        {"switches": 2.0, "calls": 4.0},
        own_time=True,
    ),
    Benchmark("open", "storage.metadata", "open and close of a cached file", own_time=True),
    Benchmark("stat", "storage.metadata", "stat of a cached file", {"calls": 0.0}, own_time=True),
    Benchmark(
        "pwrite",
        "storage.cached",
        "pwrite of 4 KiB into the page cache",
        # Its own time has that of its bytes in it.
        {"write_share": 1.0, "byte_ns": 0.0},
        own_time=True,
    ),
    # Over the loopback device: the instance's own stack, no packet on a wire, no link to fill.
    Benchmark(
        "tcp-round",
        "network.latency",
        "round trip of 64 bytes over TCP on the loopback device, both ends on one processor",
        {"packets": 0.0, "round_trips": 0.0, "socket_calls": 4.0, "switches": 2.0},
        own_time=True,
        loopback=True,
    ),
    Benchmark(
        "tcp-stream",
        "network.throughput",
        "64 KiB over TCP on the loopback device",
        {"packets": 0.0, "link_bound": 0.0, "socket_calls": 2.0, "payload_bytes": 65536.0},
        own_time=True,
        loopback=True,
    ),
    Benchmark(
        "page-fault",
        "memory.allocation",
        "first touch of a 4 KiB page",
        {"faults": 1.0, "calls": float(f"{3 / _FAULT_PAGES:.3g}")},
        own_time=True,
    ),
    # Counted on the program: two faults of the parent and six of the child for each fork.
    Benchmark(
        "fork",
        "cpu.process",
        "fork, exit and wait, without exec",
        {"calls": 2.0, "file_calls": 0.0, "open_calls": 0.0, "faults": 8.0},
        own_time=True,
    ),
    # Counted on the program, which is static: few calls and faults until it runs.
    Benchmark(
        STARTUP,
        "startup",
        "start of an instance until its program answers",
        {"calls": 10.0, "file_calls": 1.0, "open_calls": 1.0, "faults": 50.0},
        unit="ms",
        own_time=True,
    ),
)

BY_NAME: Mapping[str, Benchmark] = {b.name: b for b in BENCHMARKS}
