"""What was measured against what was predicted: intervals, errors, a table, a document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from scipy import stats

LEVEL = 0.9


def kept(native: Sequence[float], isolated: Sequence[float]) -> tuple[float, float, float]:
    """Retained of paired times, with its interval of Student's t on the logarithms."""
    logs = [math.log(n / i) for n, i in zip(native, isolated, strict=True)]
    mean = sum(logs) / len(logs)
    if len(logs) < 2:
        return math.exp(mean), 0.0, math.inf
    variance = sum((x - mean) ** 2 for x in logs) / (len(logs) - 1)
    wide = float(stats.t.ppf((1.0 + LEVEL) / 2.0, len(logs) - 1))
    half = wide * math.sqrt(variance / len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def row(
    load: str,
    runtime: str,
    times: Mapping[str, Sequence[float]],
    profile: Mapping[str, Any],
    record: Mapping[str, Any],
    told: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A line of the report: measured, predicted, their error, and whether the interval held."""
    measured, low, high = kept(times["native"], times[runtime])
    prior = math.prod(part["factor"] for part in record["parts"])
    least, most = record["interval"]
    more = {}
    if told is not None:
        more = {"told": told["retained"], "told_interval": list(told["interval"])}
        more["told_log_error"] = math.log(told["retained"] / measured)
        more["told_inside"] = told["interval"][0] <= measured <= told["interval"][1]
    return {
        "load": load,
        "runtime": runtime,
        "measured": measured,
        "measured_interval": [low, high],
        "predicted": record["retained"],
        "predicted_interval": [least, most],
        "prior": prior,
        "log_error": math.log(record["retained"] / measured),
        "prior_log_error": math.log(prior / measured),
        "inside": least <= measured <= most,
        "extrapolating": record["novelty"]["extrapolating"],
        "native_busy": profile["per_second"]["cpu_us"] / 1e6,
        "native_s": sorted(times["native"])[len(times["native"]) // 2],
        "times_s": list(times[runtime]),
        "native_times_s": list(times["native"]),
        "parts": {part["name"]: part["factor"] for part in record["parts"]},
        **more,
    }


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean absolute log errors and the share of intervals that held."""
    count = len(rows)
    more = {}
    if rows and all("told" in r for r in rows):
        more["told_error"] = sum(abs(r["told_log_error"]) for r in rows) / count
        more["told_inside"] = sum(r["told_inside"] for r in rows) / count
    return {
        "rows": count,
        "error": sum(abs(r["log_error"]) for r in rows) / count,
        "prior_error": sum(abs(r["prior_log_error"]) for r in rows) / count,
        "inside": sum(r["inside"] for r in rows) / count,
        **more,
    }


def show(document: Mapping[str, Any]) -> None:
    """The report for a person."""
    from rich.console import Console
    from rich.table import Column, Table

    head = ["load", "runtime", "busy", "measured", "90%", "predicted", "90%", "inside"]
    told = "told_error" in document["summary"]
    head += ["told", "90%", "inside"] if told else []
    columns = [Column(name, no_wrap=True) for name in head]
    table = Table(*columns, title=f"{document['repetitions']} repetitions, interleaved with native")
    for r in document["rows"]:
        table.add_row(
            r["load"],
            r["runtime"],
            f"{r['native_busy']:.2f}",
            f"{r['measured']:.1%}",
            _span(r["measured_interval"]),
            f"{r['predicted']:.1%}",
            _span(r["predicted_interval"]),
            "yes" if r["inside"] else "NO",
            *_told(r),
        )
    console = Console(width=150 if told else 120)
    console.print(table)
    for load, profile in document["profiles"].items():
        demands = profile["demands"]
        told = ", ".join(f"{k} {v:.4g}" for k, v in demands.items() if v and k != "memory")
        console.print(f"[bold]{load}[/bold]: {told}", highlight=False)
    s = document["summary"]
    console.print(
        f"mean |log error| {s['error']:.3f} (prior alone {s['prior_error']:.3f}), "
        f"{s['inside']:.0%} of {s['rows']} inside the 90% interval; {document['seconds']:.0f} s"
    )
    if "told_error" in s:
        said = f"{s['told_error']:.3f}, {s['told_inside']:.0%} inside"
        console.print(f"told this machine's own measurements: {said}")


def _told(r: Mapping[str, Any]) -> tuple[str, ...]:
    if "told" not in r:
        return ()
    held = "yes" if r["told_inside"] else "NO"
    return f"{r['told']:.0%}", _span(r["told_interval"]), held


def _span(interval: Sequence[float]) -> str:
    return " to ".join(f"{end:.1%}" if end < 0.1 else f"{end:.0%}" for end in interval)
