"""`nearmetal matrix`: the comparison matrix on a terminal, as JSON, CSV or a page."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from serving.arguments import Cores, Json, MemoryGb, NetworkGbps, StorageIops, Workload
from serving.figures import shown


def register(app: typer.Typer, ensure_champion: Callable[[], None]) -> None:
    """Add the command; `ensure_champion` sees to it that there is a model."""

    @app.command("matrix")
    def matrix_command(
        workload: Workload = None,
        cores: Cores = None,
        memory_gb: MemoryGb = None,
        network_gbps: NetworkGbps = None,
        storage_iops: StorageIops = None,
        sections: Annotated[
            list[str] | None, typer.Option("--section", help="A section; repeatable. [all]")
        ] = None,
        as_csv: Annotated[
            Path | None, typer.Option("--csv", metavar="FILE", help="Write the cells as CSV.")
        ] = None,
        as_html: Annotated[
            Path | None, typer.Option("--html", metavar="FILE", help="Write a coloured page.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Metric by runtime: reference, model, prediction and measurement side by side.

        Example: nearmetal matrix --section cpu --section network --network-gbps 25
        """
        from features.errors import InvalidInput, unknown_name
        from features.files import check_output, write_whole
        from features.reference import SECTIONS
        from features.scenario import scenario_from_flat
        from models.matrix import matrix
        from serving.store import load_champion

        wrong = [unknown_name("section", s, SECTIONS) for s in sections or () if s not in SECTIONS]
        if wrong:
            raise InvalidInput(wrong)
        flags = {
            "cores": cores,
            "memory_gb": memory_gb,
            "network_gbps": network_gbps,
            "storage_iops": storage_iops,
        }
        asked = scenario_from_flat({"runtime": "native", "workload": workload or "web", **flags})
        host = {k: getattr(asked, k) for k, v in flags.items() if v is not None}
        for option, path in (("csv", as_csv), ("html", as_html)):
            if path is not None:
                check_output(path, option)
        ensure_champion()
        document = matrix(load_champion(), host, workload, sections or SECTIONS)
        if as_csv:
            write_whole(as_csv, lambda file: file.write(cells_csv(document)), "csv")
        if as_html:
            write_whole(as_html, lambda file: file.write(cells_page(document)), "html")
        if as_json:
            print(json.dumps(document))
        elif not (as_csv or as_html):
            print_matrix(document)


def cells_csv(document: dict[str, Any]) -> str:
    """One line a cell."""
    out = io.StringIO()
    fields = ("reference", "model", "predicted", "low", "high", "measured", "sources")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["section", "metric", "unit", "native", "runtime", *fields, "disagreements"])
    for section, rows in document["sections"].items():
        for row in rows:
            for label, cell in row["cells"].items():
                low, high = cell["interval"] or (None, None)
                figures = [cell["reference"], cell["model"], cell["predicted"], low, high]
                writer.writerow(
                    "" if v is None else v
                    for v in (
                        *(section, row["metric"], row["unit"], row["native"], label),
                        *(*figures, cell["measured"], cell["sources"]),
                        "; ".join(cell["disagreements"]),
                    )
                )
    return out.getvalue()


def print_matrix(document: dict[str, Any]) -> None:
    """A table a metric, a line a runtime."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        console = Console(width=max(console.width, 100))
    for section, rows in document["sections"].items():
        console.rule(section)
        for row in rows:
            title = f"{row['metric']} \\[{row['unit']}]{_of(row)}"
            table = Table(title=title, title_justify="left", box=None)
            table.add_column("runtime", no_wrap=True)
            for name in ("reference", "model", "predicted", "90% interval", "measured", "sources"):
                # On a narrow terminal it is the label that is cut.
                table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
            for label, cell in row["cells"].items():
                predicted, colour = shown(cell["predicted"]), _colour(cell["retained"])
                table.add_row(
                    _short(label) + (" *" if cell["disagreements"] else ""),
                    _printed(cell),
                    shown(cell["model"]),
                    f"[{colour}]{predicted}[/]" if colour else predicted,
                    _interval(cell),
                    shown(cell["measured"]),
                    str(cell["sources"] or "-"),
                )
            console.print(table)
    console.print("* reference, model and measurements disagree; --json and --csv say how")


# An option's value says by itself what it is, but for yes and no.
_OPTION_KEY = re.compile(r"\w+=(?!on$|off$|yes$|no$)")


def _short(label: str) -> str:
    """A label that leaves a line of 80 columns to the figures."""
    return _OPTION_KEY.sub("", label).replace("compiled_ahead=no", "compiling")


def _of(row: dict[str, Any]) -> str:
    """What a row is relative to, or the host that its printed figures imply."""
    if row["native"] is not None:
        return f", native {shown(row['native'])}"
    return "".join(f", {key} {value:g}" for key, value in row.get("host", {}).items())


def _printed(cell: dict[str, Any]) -> str:
    """The reference's figure; with a sign where it was printed as a bound."""
    low, high = cell["reference_range"] or (0.0, 0.0)
    sign = "<" if low is None else ">" if high is None else ""
    return sign + shown(cell["reference"])


def _interval(cell: dict[str, Any]) -> str:
    return " to ".join(shown(end) for end in cell["interval"]) if cell["interval"] else "-"


def _colour(retained: float | None) -> str:
    if retained is None:
        return ""
    return "green" if retained >= 0.9 else "yellow" if retained >= 0.6 else "red"


_STYLE = """body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:0 0 2rem}td,th{border:1px solid #bbb;padding:.2rem .5rem;
text-align:right}th:first-child,td:first-child{text-align:left}small{color:#555}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}small{color:#aaa}}"""


def cells_page(document: dict[str, Any]) -> str:
    """One page without scripts or outside files: a table a section, cells coloured by retained."""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>matrix</title><style>{_STYLE}"
    ]
    host = ", ".join(f"{k} {v:g}" for k, v in document["host"].items())
    parts.append(f"</style><h1>Performance by runtime</h1><p>{html.escape(host)}</p>")
    for section, rows in document["sections"].items():
        labels = list(dict.fromkeys(label for row in rows for label in row["cells"]))
        heads = "".join(f"<th>{html.escape(_short(label))}" for label in labels)
        parts.append(f"<h2>{html.escape(section)}</h2><table><tr><th>metric<th>native{heads}")
        for row in rows:
            cells = "".join(_page_cell(row["cells"].get(label)) for label in labels)
            unit = row["unit"] + (_of(row) if row["native"] is None else "")
            name = f"{html.escape(row['metric'])} <small>{html.escape(unit)}</small>"
            parts.append(f"<tr><td>{name}<td>{shown(row['native'])}{cells}")
        parts.append("</table>")
    parts.append("<p><small>prediction, (interval), reference, model, measured</small>")
    return "\n".join(parts) + "\n"


def _background(retained: float | None) -> str:
    """From red to green by what is retained; nothing where that means nothing."""
    if retained is None:
        return ""
    return f' style="background:hsl({int(120 * max(0.0, min(1.0, retained)))} 70% 50% / .3)"'


def _page_cell(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return "<td>"
    told = html.escape("; ".join(cell["disagreements"]), quote=True)
    mark = " *" if told else ""
    lines = [f"({_interval(cell)})"] if cell["interval"] else []
    if cell["reference"] is not None:
        lines.append(f"ref {html.escape(_printed(cell))}")
    lines.append(f"model {shown(cell['model'])}")
    if cell["measured"] is not None:
        lines.append(f"measured {shown(cell['measured'])} of {cell['sources']}")
    return (
        f'<td{_background(cell["retained"])} title="{told}">'
        f"<b>{shown(cell['predicted'])}</b>{mark}<br><small>{'<br>'.join(lines)}</small>"
    )
