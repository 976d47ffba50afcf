"""The formats that can be imported, each registered once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from datasets.importers import (
    fio,
    geekbench,
    hyperfine,
    iperf3,
    lmbench,
    memtier,
    netperf,
    perfkit,
    pgbench,
    phoronix,
    pyperf,
    redis_benchmark,
    stressng,
    sysbench,
    wrk,
)
from datasets.importers.result import Result


@dataclass(frozen=True)
class Format:
    """A tool's output: how to get it, its reader, the figures' units, the workloads its jobs say.

    `experimental`: written by the format's description, without a genuine sample to test on.
    `alone`: a job's name is its whole command, which isolation changes, so that where each side
    has one job they are a pair whatever they are called.
    """

    tool: str
    output: str
    read: Callable[[Path | str], list[Result]]
    unit: str
    workload: str
    experimental: bool = False
    alone: bool = False


_BY_URL = "web.static, web.tls by the URL"
_KV = "database.kv"

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        each.tool: each
        for each in (
            Format("fio", "--output-format=json", fio.read_fio, "IOPS, MiB/s, us", "storage.*"),
            Format(
                "iperf3",
                "--json",
                iperf3.read_iperf3,
                "Gbit/s, packets/s",
                "network.throughput, pps",
            ),
            Format("sysbench", "text", sysbench.read_sysbench, "by its test", "by its test"),
            Format("wrk", "text", wrk.read_wrk, "req/s", _BY_URL),
            Format("wrk2", "text", wrk.read_wrk2, "ms", _BY_URL, experimental=True),
            Format("hyperfine", "--export-json", hyperfine.read_hyperfine, "s", "-", alone=True),
            Format("pyperf", "-o FILE", pyperf.read_pyperf, "s", "-"),
            Format(
                "stress-ng", "--metrics --yaml", stressng.read_stress_ng, "ops/s", "by its stressor"
            ),
            Format("redis-benchmark", "--csv", redis_benchmark.read_redis_benchmark, "req/s", _KV),
            Format("pgbench", "text", pgbench.read_pgbench, "tx/s", "database.sql"),
            Format(
                "memtier", "--json-out-file", memtier.read_memtier, "ops/s", _KV, experimental=True
            ),
            Format("netperf", "text", netperf.read_netperf, "Mbit/s, tx/s, conn/s", "network.*"),
            Format("lmbench", "text", lmbench.read_lmbench, "us, ns", "by its line"),
            Format(
                "geekbench",
                "--export-json",
                geekbench.read_geekbench,
                "score",
                "-",
                experimental=True,
            ),
            Format(
                "phoronix",
                "composite.xml",
                phoronix.read_phoronix,
                "its own",
                "by its profile",
                experimental=True,
            ),
            Format(
                "perfkit",
                "newline-delimited JSON",
                perfkit.read_perfkit,
                "its own",
                "-",
                experimental=True,
            ),
        )
    }
)
# Read with words for its columns, so that its reader takes them too.
CSV = "csv"
