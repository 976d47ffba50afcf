"""Makes the measured tables from collected figures: `python -m datasets.curation FOLDER`.

The folder holds figures.csv, vm_vs_metal.csv and sources.csv. What their words mean in ours
stands in `rules/`; a row that no rule gives a workload stops the run, so that nothing is lost
without being told.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from datasets.footprints import Footprint, collected_footprints, write_footprints
from datasets.measurement import Measurement
from datasets.pairs import pair_measurements
from datasets.reading import Reading, caution_classes, identity, read_with, rounded, rules_of
from datasets.row import duplicate_key
from datasets.sources import sources
from datasets.table import write_measurements
from datasets.units import canonical_unit
from features.errors import InvalidInput, NearmetalError, Problem
from features.scenario import HOST_FIELDS, Scenario, resource_class, scenario_from_flat
from features.vocabulary import vocabulary

TABLE = Path(__file__).parent / "tables" / "measured.csv"
FOOTPRINTS = TABLE.with_name("footprints.csv")
MERGED = "duplicate-metric"
_DROPPED_USES = ("exclude", "baseline", "no-baseline")


def curate(folder: Path) -> list[Measurement]:
    """The table's rows from the collected figures."""
    _check_sources(folder)
    figures = _figures(folder / "figures.csv")
    rows = [*figures, *pair_measurements(_read(folder / "vm_vs_metal.csv"))]
    return list(_distinct(sorted(rows, key=lambda row: (row.source, row.id))))


def curate_footprints(folder: Path) -> list[Footprint]:
    """The footprints among the collected figures."""
    _check_sources(folder)
    found = collected_footprints(_read(folder / "figures.csv"))
    return sorted(found, key=lambda footprint: (footprint.source, footprint.id))


def _check_sources(folder: Path) -> None:
    unknown = {raw["source_id"] for raw in _read(folder / "sources.csv")} - set(sources())
    if unknown:
        raise InvalidInput([Problem("source", f"not in sources.csv: {sorted(unknown)}")])


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def _figures(path: Path) -> Iterator[Measurement]:
    for number, raw in enumerate(_read(path), start=2):
        if raw["use"].startswith(_DROPPED_USES) or raw["runtime"] not in vocabulary().runtimes:
            continue
        caution = _caution_class(raw["use"])
        reading = read_with(rules_of(raw["source_id"]), raw)
        if caution == MERGED or "drop" in reading.set:
            continue
        try:
            yield _measurement(raw, reading, caution)
        except InvalidInput as error:
            raise error.at(f"{path.name}, row {number}") from None


def _caution_class(use: str) -> str:
    if not use.startswith("caution"):
        return ""
    for pattern, name in caution_classes():
        if pattern.search(use):
            return name
    raise InvalidInput([Problem("use", f"no class for {use!r}")])


def _measurement(raw: Mapping[str, str], reading: Reading, caution: str) -> Measurement:
    given = {key: raw[key] for key in HOST_FIELDS}
    given.update({k: v for k, v in reading.set.items() if k != "caution"})
    scenario = scenario_from_flat({"runtime": raw["runtime"], **given})
    unit = canonical_unit(raw["unit"])
    if unit is None:
        raise InvalidInput([Problem("unit", f"unknown: {raw['unit']}")])
    value = float(raw["value"])
    detail = ", ".join(filter(None, (raw["runtime_detail"], raw["host_cpu"])))
    return Measurement(
        id=identity(raw),
        scenario=scenario,
        retained=rounded(float(raw["ratio"])),
        source=raw["source_id"],
        resource=resource_class(scenario),
        baseline=_baseline(raw, scenario, reading.baseline),
        value=value,
        baseline_value=float(raw["baseline_value"]),
        unit=unit,
        metric=raw["metric"],
        spread=rounded(float(raw["stddev_or_ci"]) / value) if raw["stddev_or_ci"] else None,
        repeats=int(float(raw["n_runs"])) if raw["n_runs"] else None,
        caution=caution or reading.set.get("caution", ""),
        benchmark=raw["benchmark"],
        detail=detail,
        year=int(raw["year"]),
    )


def _baseline(
    raw: Mapping[str, str], scenario: Scenario, options: Mapping[str, str]
) -> Scenario | None:
    if raw["baseline_runtime"] == "native":
        return None
    host = {key: getattr(scenario, key) for key in HOST_FIELDS}
    return Scenario(
        raw["baseline_runtime"],
        scenario.workload,
        **host,
        mechanisms=dict(options),
        demands=dict(scenario.demands),
    )


def _distinct(rows: list[Measurement]) -> Iterator[Measurement]:
    """The rows without those that tell the same measurement again."""
    seen: set[object] = set()
    for row in rows:
        key = duplicate_key(row)
        if key not in seen and row.id not in seen:
            yield row
        seen |= {key, row.id}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make the measured tables from figures.")
    parser.add_argument("folder", type=Path, help="holds figures.csv, vm_vs_metal.csv, sources.csv")
    folder = parser.parse_args().folder
    try:
        rows, footprints = curate(folder), curate_footprints(folder)
    except NearmetalError as error:
        raise SystemExit(f"error: {error}") from None
    write_measurements(TABLE, rows)
    write_footprints(FOOTPRINTS, footprints)
    for name, made, of in ((TABLE, rows, "measurements"), (FOOTPRINTS, footprints, "footprints")):
        print(f"{len(made)} {of} of {len({row.source for row in made})} sources in {name.name}")


if __name__ == "__main__":
    main()
