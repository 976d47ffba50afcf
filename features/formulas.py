"""What the formulas behind the prior's parts say, as data: for whoever is shown a part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from features.vocabulary import read_toml


@dataclass(frozen=True)
class Formula:
    """A formula (F) or a table (T) of the reference: in words, as computed, and its section.

    `form` is empty for a table.
    """

    name: str
    says: str
    section: str
    form: str = ""


@cache
def formulas() -> Mapping[str, Formula]:
    """The formulas by name, as the parts of the prior name them."""
    read = read_toml("formulas.toml")
    return MappingProxyType({name: Formula(name, **entry) for name, entry in read.items()})
