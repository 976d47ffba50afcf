"""Predictions for people: tables of Rich, where no text of a caller is read as markup."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from serving.fields import HOST_UNITS
from serving.figures import shown

BAR = 24
_PLAIN, _ASCII = ("·", "━", "●"), (".", "=", "o")

Record = Mapping[str, Any]


def make_console(*, width: int | None = None) -> Console:
    """A console on standard output; 110 columns when that is no terminal.

    A character that the output's encoding lacks is shown as '?'.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    console = Console(markup=False, highlight=False, emoji=False, width=width)
    if width is None and not console.is_terminal:
        console = Console(markup=False, highlight=False, emoji=False, width=110)
    return console


def show_prediction(console: Console, scenario: Record, record: Record) -> None:
    """One prediction: the answer first, then why, then says who, then what is doubtful."""
    kept = Text(f"{record['retained']:.0%}", style="bold")
    console.print(Text.assemble(_title(scenario), " keeps ", kept, " of bare metal"))
    console.print(f"  {_interval(record)} with probability {record['level']:.0%}")
    if "value" in record:
        console.print(f"  {record['value']:.6g} {record['unit']}")
    _show_instance(console, record["instance"])
    console.print()
    _show_parts(console, record)
    _show_evidence(console, record["evidence"])
    _show_novelty(console, record["novelty"])
    model = record["model"]
    console.print(Text(f"model {model['version']}, trained {model['trained_at']}", style="dim"))


def show_comparison(console: Console, document: Record) -> None:
    """Each runtime with its interval as a bar, best first."""
    records = document["predictions"]
    level = records[0]["level"]
    top = max(1.0, *(record["interval"][1] for record in records))
    table = Table(title=_title(document["scenario"]), title_justify="left")
    table.add_column("runtime", no_wrap=True)
    table.add_column("keeps", justify="right")
    table.add_column(f"{level:.0%} interval", justify="right", no_wrap=True)
    table.add_column(f"0 to {top:.0%}", no_wrap=True)
    if "value" in records[0]:
        table.add_column(records[0]["unit"], justify="right")
    table.add_column("extrapolated")
    for record in records:
        cells = [record["runtime"], f"{record['retained']:.0%}", _interval(record)]
        cells.append(_bar(console, record, top))
        if "value" in record:
            cells.append(f"{record['value']:.6g}")
        cells.append("yes" if record["novelty"]["extrapolating"] else "")
        table.add_row(*cells)
    console.print(table)
    for reason, runtimes in _reasons(records).items():
        whose = "" if len(runtimes) == len(records) else f"{', '.join(runtimes)}: "
        console.print(Text(f"  {whose}{reason}", style="dim"))


def show_list(console: Console, scenarios: Sequence[Record], records: Sequence[Record]) -> None:
    """One line for each prediction."""
    table = Table()
    for name in ("scenario", "keeps", "interval", "value", "extrapolated"):
        table.add_column(name, justify="right" if name in ("keeps", "interval") else "left")
    for scenario, record in zip(scenarios, records, strict=True):
        value = f"{record['value']:.6g} {record['unit']}" if "value" in record else ""
        table.add_row(
            _title(scenario),
            f"{record['retained']:.0%}",
            _interval(record),
            value,
            "yes" if record["novelty"]["extrapolating"] else "",
        )
    console.print(table)


def _show_parts(console: Console, record: Record) -> None:
    """A waterfall: what is left after each part, from bare metal to the answer."""
    table = Table(title="where it goes", title_justify="left")
    for name in ("part", "resource", "factor", "left", "", "source"):
        table.add_column(name, justify="right" if name in ("factor", "left") else "left")
    left = 1.0
    steps = [(p["name"], p["resource"], p["factor"], _cited(p)) for p in record["parts"]]
    steps.append(("learned from measurements", "", record["residual_factor"], ""))
    for name, resource, factor, cited in steps:
        before, left = left, left * factor
        table.add_row(
            name, resource, f"{factor:.3f}", f"{left:.0%}", _step(console, before, left), cited
        )
    console.print(table)


def _show_instance(console: Console, instance: Record) -> None:
    """What one instance costs its host, in two lines."""
    start, memory, density = (instance[k] for k in ("start_ms", "memory_mb", "density_per_host"))
    console.print(f"  an instance starts in {_ranged(start)} ms and holds {_ranged(memory)} MB")
    said = f"  a host of {density['host_gb']:g} GB holds {_ranged(density)} instances"
    merging = density["merged_after_s"]
    if merging is not None:
        said += f" once equal pages are merged, which takes {merging:.3g} s"
    console.print(said)


def _ranged(estimate: Record) -> str:
    """A figure of an instance with its interval, three digits of each."""
    low, high = (shown(end) for end in estimate["interval"])
    return f"{shown(estimate['value'])} ({low} to {high})"


def _show_evidence(console: Console, evidence: Sequence[Record]) -> None:
    if not evidence:
        return
    table = Table(title="measurements that moved it most", title_justify="left")
    for name in ("weight", "kept", "scenario", "source"):
        table.add_column(name, justify="right" if name in ("weight", "kept") else "left")
    for item in evidence:
        said = item.get("citation") or item["source"]
        against = item.get("baseline", "native")
        kept = f"{item['retained']:.0%}" + ("" if against == "native" else f" of {against}")
        table.add_row(f"{item['weight']:.0%}", kept, _title(item["scenario"]), said)
    console.print(table)
    if evidence[0].get("without") is not None:
        console.print(f"  without the first of them: {evidence[0]['without']:.0%}")


def _show_novelty(console: Console, novelty: Record) -> None:
    if novelty["extrapolating"]:
        console.print(Text("extrapolated:", style="bold yellow"))
    for reason in novelty["reasons"]:
        console.print(f"  {reason}")


def _title(scenario: Record) -> str:
    named = [scenario[key] for key in ("runtime", "workload") if scenario.get(key)]
    if not scenario.get("workload"):
        named.append("own demands")
    host = [f"{scenario[key]:g} {unit}" for key, unit in HOST_UNITS.items() if key in scenario]
    options = [f"{key}={value}" for key, value in scenario.get("mechanisms", {}).items()]
    if scenario.get("workload"):
        options += [f"{key}={value:.6g}" for key, value in scenario.get("demands", {}).items()]
    return ", ".join([*named, *host, *options])


def _interval(record: Record) -> str:
    low, high = record["interval"]
    return f"{low:.0%} to {high:.0%}"


def _cited(part: Record) -> str:
    return ", ".join(text for text in (part["formula"], part["source"]) if text)


def _bar(console: Console, record: Record, top: float) -> str:
    """The interval on a line from 0 to `top`, with the prediction on it."""
    empty, filled, point = _characters(console)
    low, high = (_place(end, top) for end in record["interval"])
    bar = [filled if low <= i <= high else empty for i in range(BAR)]
    bar[_place(record["retained"], top)] = point
    return "".join(bar)


def _step(console: Console, before: float, after: float) -> str:
    """What is left as a line, with what went marked at its end."""
    empty, filled, _ = _characters(console)
    first, last = sorted((_place(before, 1.0), _place(after, 1.0)))
    return filled * first + empty * (last - first)


def _place(value: float, top: float) -> int:
    return max(0, min(BAR - 1, round(value / top * (BAR - 1))))


def _characters(console: Console) -> tuple[str, str, str]:
    return _PLAIN if console.encoding.startswith("utf") else _ASCII


def _reasons(records: Sequence[Record]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for record in records:
        for reason in record["novelty"]["reasons"]:
            found.setdefault(reason, []).append(record["runtime"])
    return found


def show_recommendation(console: Console, document: Mapping[str, Any]) -> None:
    """The runtimes that hold, best first, then those that do not with their reasons."""
    if "ranked" in document:
        _show_ranked(console, document)
        _show_excluded(console, document["excluded"])
    if "tree" in document:
        found = document["tree"]
        low, high = found["retained"]
        kept = f"{low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"
        said = f"the reference's decision tree: {found['runtime']}, which it says keeps {kept}"
        console.print(f"{said} ({', '.join(found['path'])})")


def show_suggestions(console: Console, document: Record) -> None:
    """What to measure: each candidate by itself, then the lines to run for the planned ones."""
    kept = f"{document['retained']:.0%}"
    console.print(f"{_title(document['scenario'])} keeps {kept}, {_interval(document)} now")
    table = Table(title="one measurement of your own, most telling first", title_justify="left")
    for name in ("measure", "with", "width then", "interval then"):
        table.add_column(name, justify="right" if name.endswith("then") else "left")
    for item in document["ranked"]:
        table.add_row(*_suggested(item))
    console.print(table)
    for place, item in enumerate(document["plan"], 1):
        what, tool, width, then = _suggested(item)
        console.print(f"{place}. {what} with {tool}: {width} of the width, {then}")
        lines = item["benchmark"]
        for side in ("native", "isolated"):
            for line in lines[side]:
                # Whole, however long: it is there to be pasted.
                console.print(Text(f"   {side:9} {line}"), soft_wrap=True)
        console.print(f"   read {lines['figure']} [{lines['unit']}] on both sides")


def _suggested(item: Record) -> tuple[str, str, str, str]:
    scenario = item["scenario"]
    what = f"{scenario['workload']} in {scenario['runtime']}"
    return what, item["benchmark"]["tool"], f"{item['width_ratio']:.0%}", _interval(item)


def _show_ranked(console: Console, document: Mapping[str, Any]) -> None:
    ranked, in_usd = document["ranked"], document["ranked_by"] == "tco_usd"
    if not ranked:
        console.print(Text("no runtime holds all that is asked for", style="bold yellow"))
        return
    table = Table(title="cheapest per retained performance first", title_justify="left")
    columns = ["runtime", "keeps", f"{document['level']:.0%} interval"]
    columns += ["USD/retained" if in_usd else "cost/retained", "p best", "density", "start ms"]
    columns += ["3-year USD", "isolation"]
    for name in columns:
        table.add_column(name, justify="left" if name in ("runtime", "isolation") else "right")
    for record in ranked:
        low, high = record["interval"]
        price = record["cost_per_retained"]
        table.add_row(
            record["runtime"],
            f"{record['retained']:.0%}",
            f"{low:.0%} to {high:.0%}",
            f"{price:,.0f}" if in_usd else f"{price:.2f}",
            f"{record['p_best']:.0%}",
            str(record["density"]),
            shown(record["start_ms"]),
            f"{record['tco_usd']:,.0f}",
            record["isolation"],
        )
    console.print(table)
    better = document["p_first_better_than_second"]
    if better is not None:
        first, second = ranked[0]["runtime"], ranked[1]["runtime"]
        console.print(f"{first} is truly better than {second} with probability {better:.0%}")
    new = [r["runtime"] for r in ranked if r["novelty"]["extrapolating"]]
    if new:
        console.print(Text(f"  extrapolated: {', '.join(new)}", style="dim"))
    for record in ranked:
        for reason in record["novelty"]["reasons"]:
            if reason.endswith("left out"):
                console.print(Text(f"  {reason}", style="dim"))


def _show_excluded(console: Console, excluded: Sequence[Mapping[str, Any]]) -> None:
    if not excluded:
        return
    table = Table(title="excluded", title_justify="left")
    table.add_column("runtime", no_wrap=True)
    table.add_column("reasons")
    for record in excluded:
        table.add_row(record["runtime"], "; ".join(record["reasons"]))
    console.print(table)
