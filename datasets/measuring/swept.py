"""The benchmarks of a full run's sweeps: payload, cores, link and device."""

from __future__ import annotations

from dataclasses import replace

from datasets.measuring.catalog import BENCHMARKS, Benchmark, Setting

_PAYLOADS = {64: "64", 1024: "1k", 4096: "4k", 16384: "16k", 65536: "64k"}
_MOST_COUNTS = 4
# A link's speeds and a device's rates; what native itself does not reach makes no row.
LINK_GBPS = (10.0, 2.5, 1.0, 0.1)
DEVICE_IOPS = (16_000.0, 2_000.0)
# Operations in flight, so that a device's rate and not its latency is the limit.
DEVICE_QUEUE = 8
# Bytes on a link of 1500 for each that a program sends, and of the frame around: Ethernet's 14,
# IP's 20 and TCP's 32, as `tc` counts them.
_ON_LINK = 1514 / 1448
# Packets of an operation, counted on the program natively, there and back with acknowledgements: a
# virtual pair carries what the card of a real link would cut as one.
_ROUND_PACKETS = {64: 2.0, 1024: 2.0, 16384: 2.0, 65536: 6.0}
_STREAM_PACKETS = {1024: 0.5, 65536: 2.0}


def chosen(*, quick: bool, cores: int) -> tuple[Benchmark, ...]:
    """The benchmarks of a quick or of a full run on a machine of `cores`, in their order."""
    if quick:
        return tuple(b for b in BENCHMARKS if b.quick)
    return (*BENCHMARKS, *payloads(), *devices(), *over_cores(cores), *links())


def payloads() -> tuple[Benchmark, ...]:
    """Messages and file operations of other sizes than the quick run's."""
    by = {b.name: b for b in BENCHMARKS}
    read = replace(
        by["pwrite"],
        name="pread",
        title="pread of 4 KiB from the page cache",
        demands={"write_share": 0.0, "byte_ns": 0.0},
        quick=False,
    )
    made = [read]
    for base, usual, sizes in (
        (by["tcp-round"], "64 bytes", (1024, 16384, 65536)),
        (by["tcp-stream"], "64 KiB", (64, 1024, 16384)),
        (by["pwrite"], "4 KiB", (64, 16384, 65536)),
        (read, "4 KiB", (64, 16384, 65536)),
    ):
        for size in sizes:
            one = replace(
                base,
                name=f"{base.name}-{_PAYLOADS[size]}",
                title=base.title.replace(usual, _said(size)),
                demands={**base.demands, "payload_bytes": float(size)},
                program=base.name,
                payload=size,
                quick=False,
            )
            made.append(one)
    return tuple(made)


def core_counts(cores: int) -> tuple[int, ...]:
    """From one to all, at most four counts that grow by about one factor."""
    steps = min(_MOST_COUNTS, cores)
    counts = {round(cores ** (i / max(steps - 1, 1))) for i in range(steps)}
    return tuple(sorted({*counts, 1, cores}))


def over_cores(cores: int) -> tuple[Benchmark, ...]:
    """As many processes as cores do the same at once, on some of the cores and on all."""
    made = []
    for count in core_counts(cores):
        # On all of them the usual instances stand as they are.
        setting = Setting("cores" if count < cores else "", count)
        on = f"by {count} process{'es' * (count > 1)} on as many cores"
        common = {"own_time": True, "quick": False, "workers": count, "setting": setting}
        at_once = {"concurrency": float(count), "parallel": 1.0}
        # Per operation: 16,000 integer steps, ten calls, and a mapping whose pages are touched.
        mixed = {"cpu": 0.8, "memory": 0.2, "calls": 12.0, "faults": 16.0, "walk_share": 0.0}
        fault = {"faults": 1.0, "calls": 0.0117}
        for program, workload, title, demands in (
            ("crew-mixed", "own", "computation, calls and page faults", mixed),
            ("crew-getppid", "cpu.syscall", "getppid", {}),
            ("crew-page-fault", "memory.allocation", "first touch of a 4 KiB page", fault),
        ):
            name = f"{program.removeprefix('crew-')}-{count}-core{'s' * (count > 1)}"
            asked = {**demands, **at_once}
            one = Benchmark(name, workload, f"{title}, {on}", asked, program=program, **common)  # type: ignore[arg-type]
            made.append(one)
    return tuple(made)


def links() -> tuple[Benchmark, ...]:
    """Round trips and streams to a peer behind a link, of its own speed and shaped."""
    made = [_round(size) for size in (64, 1024, 16384, 65536)]
    made += [_stream(size) for size in (1024, 65536)]
    made += [_stream(65536, gbps) for gbps in LINK_GBPS]
    return (*made, _round(65536, LINK_GBPS[-1]))


def _round(size: int, gbps: float | None = None) -> Benchmark:
    # A message there and one back, by two calls and a wait. No card and no interrupt is passed,
    # so nothing of the usual round trip's time: what it takes is its own.
    demands = {"round_trips": 0.0, "socket_calls": 2.0, "switches": 1.0}
    demands |= {"packets": _ROUND_PACKETS[size], "payload_bytes": float(size)}
    return Benchmark(
        name=f"link-round-{_PAYLOADS[size]}{_at(gbps)}",
        workload="network.latency",
        title=f"round trip of {_said(size)} over TCP to a peer behind a link{_of(gbps)}",
        demands=demands,
        own_time=True,
        quick=False,
        program="link-round",
        payload=size,
        setting=Setting("link", network_gbps=gbps),
        bound_ns=2 * _link_ns(size, gbps),
    )


def _stream(size: int, gbps: float | None = None) -> Benchmark:
    demands = {"link_bound": 1.0 if gbps else 0.0, "packets": _STREAM_PACKETS[size]}
    return Benchmark(
        name=f"link-stream-{_PAYLOADS[size]}{_at(gbps)}",
        workload="network.throughput",
        title=f"{_said(size)} of a stream over TCP to a peer behind a link{_of(gbps)}",
        demands={**demands, "payload_bytes": float(size), "socket_calls": 1.0, "concurrency": 1.0},
        own_time=True,
        quick=False,
        program="link-stream",
        payload=size,
        setting=Setting("link", network_gbps=gbps),
        bound_ns=_link_ns(size, gbps),
    )


def devices() -> tuple[Benchmark, ...]:
    """Reads and synchronous writes of 4 KiB at random from a device of some rates."""
    made = []
    for iops in DEVICE_IOPS:
        for program, title, each in (
            ("device-read", "direct read of 4 KiB at random", 1),
            ("device-write", "direct write of 4 KiB at random and fdatasync", 2),
        ):
            kind = program.removeprefix("device-")
            one = Benchmark(
                name=f"{program}-{iops:g}",
                workload=f"storage.random-{kind}",
                title=f"{title}, {DEVICE_QUEUE} in flight, at {iops:,.0f} operations a second",
                demands={"queue_depth": float(DEVICE_QUEUE), "io_ops": float(each)},
                own_time=True,
                quick=False,
                program=program,
                payload=4096,
                workers=DEVICE_QUEUE,
                setting=Setting("device", storage_iops=iops),
                # A write that is to last is followed by a flush, an operation as well.
                bound_ns=each * 1e9 / iops,
            )
            made.append(one)
    return tuple(made)


def _link_ns(size: int, gbps: float | None) -> float:
    return size * _ON_LINK * 8 / gbps if gbps else 0.0


def _said(size: int) -> str:
    return f"{size} bytes" if size < 1024 else f"{size // 1024} KiB"


def _at(gbps: float | None) -> str:
    return f"-{gbps:g}g" if gbps else ""


def _of(gbps: float | None) -> str:
    return f" of {gbps:g} Gbps" if gbps else " that nothing shapes"
