"""memtier_benchmark's JSON (`--json-out-file`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets.importers.result import Result, figure, json_of, member, read_with, refused

# How it calls the sums over all runs it did, in order of preference.
_SUMS = ("ALL STATS", "AGGREGATED AVERAGE RESULTS")
_SETTING = ("clients", "threads", "pipeline", "data_size", "ratio", "protocol", "rate-limiting")


def read_memtier(path: Path | str) -> list[Result]:
    """Operations a second in all."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    document = json_of(text)
    configuration: Any = member(document, "configuration", dict)
    keys = [key for name in _SUMS for key in document if key.startswith(name)]
    if not keys:
        raise refused(f"none of {', '.join(_SUMS)} is there")
    totals = member(member(document, keys[0], dict), "Totals", dict)
    setting = {key: str(configuration[key]) for key in _SETTING if key in configuration}
    demands = {}
    if "clients" in setting and "threads" in setting:
        demands["concurrency"] = figure(configuration, "clients") * figure(configuration, "threads")
    if "pipeline" in setting:
        demands["pipeline_depth"] = figure(configuration, "pipeline")
    rate = figure(totals, "Ops/sec")
    return [Result("Totals", "operations", rate, "ops/s", "database.kv", setting, demands)]
