"""The counts of the data card, generated: `python -m datasets.card` rewrites them in README.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from datasets.footprints import shipped_footprints
from datasets.measurement import Measurement
from datasets.printed import reference
from datasets.shipped import measured
from datasets.sources import sources

CARD = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- counts: begin -->", "<!-- counts: end -->"


def counts() -> str:
    """The generated part of the card."""
    rows = measured()
    known = sources()
    groups = {known[row.source].group for row in rows}
    footprints = shipped_footprints()
    clean = sum(not row.caution for row in rows)
    parts = [
        f"{len(rows)} measured rows of {len({row.source for row in rows})} sources in "
        f"{len(groups)} groups, {clean} of them without a caution; "
        f"{sum(row.baseline is None for row in rows)} against bare metal. "
        f"{len(reference())} rows of the reference. {len(footprints)} footprints of "
        f"{len({row.source for row in footprints})} sources.",
        _table("source", rows, lambda r: r.source, lambda name: known[name].licence),
        _table("runtime", rows, lambda r: r.scenario.runtime),
        _table("workload", rows, lambda r: r.scenario.workload),
        _table("compared with", rows, lambda r: r.baseline.runtime if r.baseline else "native"),
        _table("caution", rows, lambda r: r.caution or "none"),
        _table("mechanism set", _options(rows), str),
        _table("footprint of", footprints, lambda r: r.runtime),
        _table("demand set", [key for row in rows for key in row.scenario.demands], str),
    ]
    return "\n\n".join(parts)


def _options(rows: Iterable[Measurement]) -> list[str]:
    return [f"{k}={v}" for row in rows for k, v in row.scenario.mechanisms.items()]


def _table(
    title: str,
    items: Iterable[object],
    name_of: Callable[..., str],
    extra: Callable[[str], str] | None = None,
) -> str:
    tally = Counter(name_of(item) for item in items)
    lines = [f"| {title} | rows |" + (" licence |" if extra else "")]
    lines.append("|---|---:|" + ("---|" if extra else ""))
    for name, count in sorted(tally.items(), key=lambda pair: (-pair[1], pair[0])):
        lines.append(f"| {name} | {count} |" + (f" {extra(name)} |" if extra else ""))
    return "\n".join(lines)


def with_counts(text: str) -> str:
    """The card with its counts brought up to date."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{counts()}\n{END}{tail}"


if __name__ == "__main__":
    CARD.write_text(with_counts(CARD.read_text(encoding="utf-8")), encoding="utf-8")
