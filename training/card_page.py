"""The model card as a page: self-contained, without scripts, for light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --accent: #2a6fb0; }
@media (prefers-color-scheme: dark) { :root { --accent: #7db7ee; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
caption { text-align: left; font-size: .9rem; padding: .3rem 0; }
.wide { overflow-x: auto; }
code { overflow-wrap: anywhere; }
svg { width: 100%; max-width: 40rem; height: auto; }
svg text { fill: currentColor; font-size: 12px; }
""".strip()
_GROUPS = {
    "runtime": "By runtime",
    "workload": "By workload",
    "source": "By source",
    "novelty_decile": "By novelty (d10 the most novel)",
}
_HEAD = (
    *("model", "error by source", "by row", "median", "to the prior's", "coverage"),
    *("worst runtime", "worst tenth of sources", "width", "interval score", "CRPS"),
)
_WIDTH, _HEIGHT, _EDGE = 520, 260, 44


def card_page(card: Mapping[str, Any], version: str, trained_at: str) -> str:
    """The page (HTML) of a model card as training.card.card_of gives it."""
    body = [
        f"<h1>nearmetal, version {escape(version)}</h1>",
        f"<p>Trained at {escape(trained_at)}. Predicts retained: performance relative to bare "
        "metal on the same hardware.</p>",
        *_data(card),
        *_models(card),
        *_curve(card),
        *_groups(card),
        *_worst(card),
        *_extrapolation(card),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>nearmetal, model card</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    lines = "\n".join(line("td", row) for row in rows)
    return f'<div class="wide"><table>{told}\n{line("th", head)}\n{lines}\n</table></div>'


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _with_span(value: float | None, span: Sequence[float] | None, digits: int = 2) -> str:
    told = f" ({span[0]:.{digits}f} to {span[1]:.{digits}f})" if span else ""
    return _number(value) + told


def _data(card: Mapping[str, Any]) -> list[str]:
    data = card["dataset"]
    rows = [
        (name, str(data["rows"].get(name, 0)), digest) for name, digest in data["digests"].items()
    ]
    out = [
        "<h2>Data and protocol</h2>",
        f"<p>{card['scored_rows']} scored rows of {card['sources']} sources. "
        f"Protocol {escape(card['protocol'])}: {escape(card['judged'])}.</p>",
        f"<p>{_kind(card['model'])}</p>",
        _table(("rows", "how many", "digest"), rows),
    ]
    for leak in card["leaks"]:
        first, second = leak["sources"]
        out.append(
            f"<p>Warning: {escape(first)} and {escape(second)} share {leak['rows']} identical "
            "figures; the errors of both are flattered.</p>"
        )
    return out


def _kind(model: Mapping[str, Any]) -> str:
    if model["kind"] == "exact":
        return f"Exact Gaussian process on {model['rows']:,} rows."
    return (
        f"Basis model: {model['centres']} centres, from sums over {model['rows']:,} rows of "
        f"{model['sources']:,} sources beside the shipped ones."
    )


def _models(card: Mapping[str, Any]) -> list[str]:
    models = card.get("models")
    if not models:
        return []
    rows = []
    for name, m in sorted(models.items(), key=lambda item: item[1]["error_by_source"]):
        to_prior = m["ratio_to"].get("prior", {})
        rows.append(
            (
                name,
                _with_span(m["error_by_source"], m["error_by_source_interval"]),
                _with_span(m["error_by_row"], m["error_by_row_interval"]),
                f"{m['median_error']:.0%}",
                _with_span(to_prior.get("ratio"), to_prior.get("interval")),
                _number(m.get("coverage")),
                _number(m.get("coverage_worst_runtime")),
                _number(m.get("coverage_worst_sources")),
                _number(m.get("width"), 2),
                _number(m.get("interval_score"), 2),
                _number(m.get("crps")),
            )
        )
    return [
        "<h2>Errors on sources never seen</h2>",
        _table(_HEAD, rows, "In brackets the 90 % interval of a bootstrap over sources."),
        *_flattering(models),
    ]


def _flattering(models: Mapping[str, Any]) -> list[str]:
    rows = [
        (name, _number(m["random_5_fold"]["error_by_row"]), _number(m["error_by_row"]))
        for name, m in models.items()
        if "random_5_fold" in m
    ]
    if not rows:
        return []
    told = "Random 5-fold flatters: rows of every source were seen. Not what to expect elsewhere."
    return [_table(("model", "flattering error by row", "honest error by row"), rows, told)]


def _groups(card: Mapping[str, Any]) -> list[str]:
    by = card.get("models", {}).get("champion", {}).get("by", {})
    out = ["<h2>Errors and coverage by group</h2>"] if by else []
    for kind, title in _GROUPS.items():
        if kind not in by:
            continue
        rows = [
            (
                name,
                str(cell["rows"]),
                _number(cell["error"]),
                _number(cell["coverage"], 2),
                _number(cell["width"], 2),
                _number(cell["interval_score"], 2),
                _number(cell["crps"]),
            )
            for name, cell in by[kind].items()
        ]
        head = (kind.replace("_", " "), "rows", "error", "coverage", "width")
        out.append(f"<h3>{title}</h3>")
        out.append(_table((*head, "interval score", "CRPS"), rows))
    return out


def _worst(card: Mapping[str, Any]) -> list[str]:
    if not card.get("worst_cells"):
        return []
    rows = [
        (
            f"{cell['runtime']}, {cell['workload']}",
            str(cell["rows"]),
            str(cell["sources"]),
            _number(cell["error"]),
            f"{cell['bias']:+.3f}",
        )
        for cell in card["worst_cells"]
    ]
    told = "Bias is observed less predicted: below 0 the model promises too much."
    head = ("runtime, workload", "rows", "sources", "error", "bias")
    return ["<h2>Where it errs most</h2>", _table(head, rows, told)]


def _extrapolation(card: Mapping[str, Any]) -> list[str]:
    found = card["extrapolation"]
    out = ["<h2>What is extrapolation</h2>", f"<p>{escape(found['rule'])}.</p>"]
    if "error_flagged" in found:
        out.append(
            f"<p>Error of the most novel tenth: {_number(found['error_flagged'])}; of the rest: "
            f"{_number(found['error_rest'])}.</p>"
        )
    rows = [(runtime, ", ".join(names) or "-") for runtime, names in found["unmeasured"].items()]
    return [*out, _table(("runtime", "workloads that nobody measured"), rows)]


def _curve(card: Mapping[str, Any]) -> list[str]:
    curve = card.get("learning_curve")
    if not curve:
        return []
    rows = [(str(p["sources"]), _with_span(p["error_by_source"], p["range"], 3)) for p in curve]
    told = "Sources held out, in brackets the range over random draws of the taught ones."
    return [
        "<h2>Learning curve</h2>",
        _drawing(curve),
        _table(("sources taught", "error by source"), rows, told),
    ]


def _drawing(curve: Sequence[Mapping[str, Any]]) -> str:
    right = max(p["sources"] for p in curve)
    top = 1.1 * max(p["range"][1] for p in curve)

    def at(sources: float, error: float) -> str:
        x = _EDGE + (_WIDTH - 2 * _EDGE) * sources / right
        y = _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * error / top
        return f"{x:.1f},{y:.1f}"

    band = [at(p["sources"], p["range"][1]) for p in curve]
    band += [at(p["sources"], p["range"][0]) for p in reversed(curve)]
    line = " ".join(at(p["sources"], p["error_by_source"]) for p in curve)
    ticks = "".join(
        f'<text x="{at(p["sources"], 0).split(",")[0]}" y="{_HEIGHT - _EDGE + 16}" '
        f'text-anchor="middle">{p["sources"]}</text>'
        for p in curve
    )
    left, bottom = at(0, 0).split(",")
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        'aria-label="Error by source against the number of sources taught">'
        f'<polyline points="{at(0, top)} {at(0, 0)} {at(right, 0)}" fill="none" '
        'stroke="currentColor"/>'
        f'<polygon points="{" ".join(band)}" fill="var(--accent)" opacity=".2"/>'
        f'<polyline points="{line}" fill="none" stroke="var(--accent)" stroke-width="2"/>{ticks}'
        f'<text x="{left}" y="{bottom}" dx="-6" text-anchor="end">0</text>'
        f'<text x="{left}" y="{at(0, top).split(",")[1]}" dx="-6" text-anchor="end">{top:.2f}'
        f'</text><text x="{_WIDTH / 2:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">sources '
        "taught</text></svg>"
    )
