"""pgbench's text; several runs in one file are repeats."""

from __future__ import annotations

import re
from pathlib import Path

from datasets.importers.result import Result, found, read_with, refused, words

_HEAD = re.compile(r"^transaction type: (.+)$", re.MULTILINE)
# Connections are set up once; PostgreSQL 14 says so in other words than those before it.
_TPS = (
    r"^tps = ([\d.,]+) \((?:without initial connection time|excluding connections establishing)\)"
)
_SETTING = ("scaling factor", "query mode", "number of clients", "number of threads")


def read_pgbench(path: Path | str) -> list[Result]:
    """Transactions a second without the time to connect, by script."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    heads = list(_HEAD.finditer(text))
    if not heads:
        raise refused("is not output of pgbench: 'transaction type' is missing")
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [_run(head[1], text[head.start() : end]) for head, end in zip(heads, ends, strict=True)]


def _run(script: str, text: str) -> Result:
    setting = {key: words(rf"^{key}: (.+)$", text) for key in _SETTING}
    rate = found(_TPS, text, "tps without connecting")
    clients = setting["number of clients"]
    demands = {}
    if clients.isdecimal() and 0 < len(clients) < 7:
        demands["concurrency"] = float(clients)
    return Result(script, "transactions", rate, "tx/s", "database.sql", setting, demands)
