"""The Phoronix Test Suite's composite.xml."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from datasets.importers.result import Result, number, read_with, refused
from datasets.units import canonical_unit, is_time

# The start of a Phoronix profile's name, and the workload it exercises.
_PROFILES = {
    "stream": "memory.bandwidth",
    "compress-": "hpc.compression",
    "build-": "hpc.build",
    "redis": "database.kv",
    "memcached": "database.kv",
    "pgbench": "database.sql",
    "sqlite": "database.embedded",
    "nginx": "web.static",
    "x264": "hpc.media",
    "x265": "hpc.media",
    "svt-": "hpc.media",
    "openssl": "cpu.crypto",
    "coremark": "cpu.int",
    "lammps": "hpc.simulation",
    "gromacs": "hpc.simulation",
}


def read_phoronix(path: Path | str) -> list[Result]:
    """Each result of a file of one system, with its runs."""
    return read_with(path, _parse)


def _parse(text: str) -> list[Result]:
    # No genuine file declares anything, and entities can grow without bound.
    if "<!" in text.replace("<![CDATA[", "").replace("<!--", ""):
        raise refused("declares a document type or entities, which composite.xml does not")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise refused("is not whole XML; is it cut off?") from None
    if root.tag != "PhoronixTestSuite":
        raise refused(f"is not of the Phoronix Test Suite: its root is {root.tag[:40]!r}")
    return [_profile(each) for each in root.iter("Result")]


def _profile(result: ElementTree.Element) -> Result:
    name, scale = result.findtext("Identifier") or "", result.findtext("Scale") or ""
    entries = result.findall("Data/Entry")
    if len(entries) != 1:
        raise refused(f"{name[:40]!r} has {len(entries)} systems; export one system a file")
    raw = (entries[0].findtext("RawString") or "").split(":")
    values = tuple(number(part.strip(), name) for part in raw if part.strip())
    test = name.rpartition("/")[2]
    unit = canonical_unit(scale) or "score"
    lower = (result.findtext("Proportion") or "").strip().upper() == "LIB"
    return Result(
        f"{name} {result.findtext('Description') or ''}".strip(),
        scale or "score",
        number((entries[0].findtext("Value") or "").strip(), name),
        unit,
        next((w for start, w in _PROFILES.items() if test.startswith(start)), ""),
        {"arguments": result.findtext("Arguments") or ""},
        values=values,
        lower_is_better=lower or is_time(unit),
    )
