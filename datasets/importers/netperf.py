"""netperf's classic text; several runs in one file are repeats."""

from __future__ import annotations

import re
from pathlib import Path

from datasets.importers.result import Result, number, read_with, refused

_HEAD = re.compile(r"^(?:MIGRATED )?(TCP|UDP) ([A-Za-z/ ]+) TEST\b", re.MULTILINE)
_ROW = re.compile(r"^\s*\d+(?:[ \t]+[\d.,]+)+[ \t]*\n", re.MULTILINE)
_EXCHANGE = ("network.latency", "transactions", "tx/s")
_TESTS = {
    ("TCP", "STREAM"): ("network.throughput", "throughput", "Mbit/s"),
    ("TCP", "MAERTS"): ("network.throughput", "throughput", "Mbit/s"),
    ("UDP", "STREAM"): ("", "throughput", "Mbit/s"),
    ("TCP", "REQUEST/RESPONSE"): _EXCHANGE,
    ("UDP", "REQUEST/RESPONSE"): _EXCHANGE,
    ("TCP", "CONNECT/REQUEST/RESPONSE"): ("network.connection-rate", "connections", "conn/s"),
}


def read_netperf(path: Path | str) -> list[Result]:
    """Throughput of streams (received, where it says), exchanges or connections a second."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    heads = list(_HEAD.finditer(text))
    if not heads:
        raise refused("is not output of netperf: the line of the test is missing")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [
        _run(head[1], head[2].upper(), text[head.start() : end])
        for head, end in zip(heads, ends, strict=True)
    ]


def _run(protocol: str, test: str, text: str) -> Result:
    known = _TESTS.get((protocol, test))
    if known is None:
        raise refused(f"{protocol} {test[:40]} is a test that is not known here")
    rows = [match[0].split() for match in _ROW.finditer(text)]
    # UDP tells the sender's figure and below it the receiver's; an exchange, below its figure,
    # the remote sockets alone. Without the second row the file is cut off.
    if test == "STREAM" and protocol == "TCP" or test == "MAERTS":
        lines, last = 1, 0
    else:
        lines, last = 2, 1 if protocol == "UDP" and test == "STREAM" else 0
    if len(rows) < lines or len(rows[0]) < 5:
        raise refused(f"{protocol} {test}: the row of figures is missing; is it cut off?")
    workload, metric, unit = known
    setting = {"message size": rows[0][1] if protocol == "UDP" else rows[0][2]}
    if "REQUEST" in test:
        setting = {"request size": rows[0][2], "response size": rows[0][3]}
    value = number(rows[last][-1], metric)
    return Result(f"{protocol} {test}", metric, value, unit, workload, setting)
