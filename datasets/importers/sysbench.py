"""sysbench's text (1.0 or later); several runs in one file are repeats."""

from __future__ import annotations

import re
from pathlib import Path

from datasets.importers.result import Result, found, read_with, refused, words

_HEAD = re.compile(r"^sysbench (\d+)\.(\d+)\S*", re.MULTILINE)
# The last line of a run, to its end: without it the file is cut off.
_TAIL = re.compile(r"^\s*execution time \(avg/stddev\): .*\n", re.MULTILINE)
_NUMBER = r"([\d.,]+)"


def read_sysbench(path: Path | str) -> list[Result]:
    """Events, bandwidth, operations or transactions a second, by the test that was run."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    heads = list(_HEAD.finditer(text))
    if not heads:
        raise refused("is not output of sysbench: its first line is missing")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    results = []
    for head, end in zip(heads, ends, strict=True):
        if int(head[1]) < 1:
            raise refused(f"is of sysbench {head[1]}.{head[2]}; 1.0 or later is needed")
        results.append(_run(text[head.start() : end]))
    return results


def _run(text: str) -> Result:
    if not _TAIL.search(text):
        raise refused("a run has no end; is it cut off?")
    threads = words(r"^Number of threads: (\d+)$", text)
    setting = {"threads": threads}
    if words(r"^(CPU speed):", text):
        setting["primes"] = words(r"^Prime numbers limit: (\S+)", text)
        rate = found(rf"events per second:\s+{_NUMBER}", text, "events per second")
        return Result("cpu", "events", rate, "events/s", "cpu.int", setting)
    if words(r"^(Running memory speed test)", text):
        setting |= {key: words(rf"^\s+{key}: (.+)$", text) for key in _MEMORY}
        rate = found(rf"transferred \({_NUMBER} MiB/sec\)", text, "MiB/sec")
        return Result("memory", "bandwidth", rate, "MiB/s", "memory.bandwidth", setting)
    if words(r"^(File operations):", text):
        return _files(text, setting)
    if words(r"^(SQL statistics):", text):
        rate = found(rf"transactions:\s+\d+\s+\({_NUMBER} per sec\.\)", text, "transactions")
        return Result("sql", "transactions", rate, "tx/s", "database.sql", setting)
    # The tests threads and mutex tell their name nowhere, only what they counted.
    events = found(rf"total number of events:\s+{_NUMBER}", text, "total number of events")
    seconds = found(rf"total time:\s+{_NUMBER}s", text, "total time")
    if seconds == 0.0:
        raise refused("total time is 0")
    return Result("events", "events", events / seconds, "events/s", "", setting)


_MEMORY = ("block size", "operation", "scope")


def _files(text: str, setting: dict[str, str]) -> Result:
    kind = words(r"^Doing (.+) test", text)
    setting |= {
        "test": kind,
        "block size": words(r"^Block size (\S+)", text),
        "flags": words(r"^Extra file open flags: (.+)$", text),
        "file size": words(r"^(\S+) total file size", text),
    }
    rates = [found(rf"^\s+{k}/s:\s+{_NUMBER}", text, f"{k}/s") for k in ("reads", "writes")]
    # Without O_DIRECT the page cache answers, and with fsyncs the device: only the first is plain.
    cached = "direct" not in setting["flags"] and rates[1] == 0.0
    workload = "storage.cached" if cached else ""
    return Result("fileio", "operations", sum(rates), "IOPS", workload, setting)
