"""An evaluation's document as a person reads it on a terminal."""

from __future__ import annotations

import sys
from typing import Any

from training.bootstrap import COMPARED

# Wide enough that no cell is folded, whatever the terminal.
_WIDTH = 104


def print_evaluation(document: dict[str, Any]) -> None:
    """Rows and sources, the table of models, the champion's ratios, what flatters, and leaks."""
    data, models = document["dataset"], document["models"]
    digest = data["digest"][:12]
    print(f"{document['protocol']}: {data['rows']} rows of {data['sources']} sources ({digest})")
    print_table(models)
    for line in (*_ratios(models.get("champion", {})), *_flattering(models)):
        print(line)
    for leak in document.get("leaks", []):
        first, second = leak["sources"]
        print(
            f"warning: {first} and {second} share {leak['rows']} identical figures "
            f"({leak['example']}): the errors of both are flattered",
            file=sys.stderr,
        )


def print_table(models: dict[str, dict]) -> None:
    """Each model, its errors with 90 % intervals, ratio to the prior, coverage and width, best
    first."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title="leave-one-source-out, errors in log retained (90 % interval over sources)")
    for name in ("model", "by source", "by row", "median", "to prior", "coverage", "width"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for name, m in sorted(models.items(), key=lambda item: item[1]["error_by_source"]):
        interval = (f"{m['coverage']:.3f}", f"{m['width']:.2f}") if "coverage" in m else ("-", "-")
        table.add_row(
            name,
            f"{m['error_by_source']:.3f}{_span(m.get('error_by_source_interval'))}",
            f"{m['error_by_row']:.3f}",
            f"{m['median_error']:.0%}",
            _ratio(m.get("ratio_to", {}).get("prior")),
            *interval,
        )
    Console(width=_WIDTH).print(table)


def _span(interval: list[float] | None) -> str:
    return f" ({interval[0]:.2f}-{interval[1]:.2f})" if interval else ""


def _ratio(found: dict | None) -> str:
    if not found or found["ratio"] is None:
        return "-"
    return f"{found['ratio']:.2f}{_span(found['interval'])}"


def _ratios(champion: dict) -> list[str]:
    told = [
        f"{other} {_ratio(champion['ratio_to'][other])}"
        for other in COMPARED
        if other in champion.get("ratio_to", {})
    ]
    return [f"champion's error by source to that of: {', '.join(told)}"] if told else []


def _flattering(models: dict[str, dict]) -> list[str]:
    told = [
        f"{name} {m['random_5_fold']['error_by_row']:.3f}"
        for name, m in models.items()
        if "random_5_fold" in m
    ]
    if not told:
        return []
    return [f"random 5-fold, by row; it flatters, every source was seen: {', '.join(told)}"]
