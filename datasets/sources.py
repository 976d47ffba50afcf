"""Who says so: the sources that measurements cite, with their licences."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True)
class Source:
    """Where measurements come from.

    `where` names the place and, for a repository, the revision; `licence` is what the place
    states ("none stated" means figures are cited as facts and nothing else is taken). `group`
    ties sources that share a rig: what is left out together when a model is tested.
    """

    id: str
    citation: str
    where: str
    licence: str
    year: int
    group: str
    notes: str


@cache
def sources() -> Mapping[str, Source]:
    """Every source of the shipped tables, by its id."""
    text = (files("datasets") / "tables" / "sources.csv").read_text(encoding="utf-8")
    return MappingProxyType(
        {
            row["id"]: Source(
                row["id"],
                row["citation"],
                row["where"],
                row["licence"],
                int(row["year"]),
                row["group"] or row["id"],
                row["notes"],
            )
            for row in csv.DictReader(text.splitlines())
        }
    )


def group_of(source_id: str) -> str:
    """What a source is left out together with; a source that is not ours stands alone."""
    known = sources().get(source_id)
    return known.group if known else source_id
