"""What a reader makes of a file: a figure per job, read within bounds and refused in plain words.

A file is refused with one InvalidInput that names it, whatever is wrong with it: cut off, empty,
another tool's, another version's, with decimal commas, or larger than `MAX_BYTES`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from features.errors import InvalidInput, Problem

MAX_BYTES = 16 * 1024**2

_COMMA = "has decimal commas; run the tool with LC_ALL=C"
_CUT = "it may be cut off or of another tool or version"
# A comma where a decimal point belongs: two numbers around it and no space.
_JSON_COMMA = re.compile(r":\s*-?\d+,\d")

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """The figure of one job, in `unit`; two with the same job and metric are repeats.

    `workload` is the workload that the job exercises, "" where the job does not say. `setting` is
    what both sides must have in common, in the tool's own words; `demands` what it says of a
    demand profile. `values` are the repeats within the file, empty where it tells only the figure.
    `lower_is_better` is None where the unit tells (less of a time is better).
    """

    job: str
    metric: str
    value: float
    unit: str
    workload: str = ""
    setting: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    demands: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    values: tuple[float, ...] = ()
    lower_is_better: bool | None = None


def read_with(path: Path | str, parse: Callable[[str], list[Result]]) -> list[Result]:
    """The results of a file by a format's parser; raises InvalidInput naming the file."""
    path = Path(path)
    try:
        found = parse(text_of(path))
    except RecursionError:
        raise refused("is nested too deeply").at(path.name) from None
    except InvalidInput as error:
        raise error.at(path.name) from None
    if not found:
        raise refused(f"holds no result; {_CUT}").at(path.name)
    return found


def text_of(path: Path) -> str:
    """A file's text, of at most MAX_BYTES."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise refused(f"cannot be read: {error.strerror or 'unknown reason'}") from None
    if len(raw) > MAX_BYTES:
        raise refused(f"is larger than {MAX_BYTES // 1024**2} MiB; is it a result, or a log?")
    if not raw.strip():
        raise refused("is empty")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refused("is not UTF-8 text") from None


def json_of(text: str) -> Any:
    """A JSON document; a decimal comma and a cut end are named."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        around = text[max(0, error.pos - 40) : error.pos + 40]
        if _JSON_COMMA.search(around):
            raise refused(_COMMA) from None
        raise refused(f"is not whole JSON (line {error.lineno}); {_CUT}") from None
    except ValueError:  # A number of thousands of digits.
        raise refused("holds a number that is none") from None


def member(record: Any, key: str, kind: type[T]) -> T:
    """A member of a JSON object that must be there and of its kind."""
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, kind):
        raise refused(f"{key!r} is missing or no {_KINDS[kind]}; {_CUT}")
    return value


def figure(record: Any, key: str) -> float:
    """A member of a JSON object that must be a number, 0 or more."""
    return number(record.get(key) if isinstance(record, dict) else None, key)


def number(value: Any, name: str) -> float:
    """A finite number, 0 or more, from a number or its text."""
    if isinstance(value, str):
        if "," in value:
            raise refused(_COMMA)
        try:
            value = float(value)
        except ValueError:
            raise refused(f"{name}: a number is needed, not {value[:40]!r}") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused(f"{name!r} is missing or no number; {_CUT}")
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value) or value < 0.0:
        raise refused(f"{name}: must be finite and not negative")
    return value


def found(pattern: str, text: str, name: str) -> float:
    """The number that a pattern's group finds in a tool's text; it must be there."""
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        raise refused(f"{name} is missing; {_CUT}")
    return number(match[1], name)


def words(pattern: str, text: str) -> str:
    """The words that a pattern's group finds in a tool's text, "" when there are none."""
    match = re.search(pattern, text, re.MULTILINE)
    return match[1].strip() if match else ""


def refused(message: str) -> InvalidInput:
    """The error of a file that cannot be used, its name still to be added."""
    return InvalidInput([Problem("file", message)])


_KINDS: dict[type, str] = {dict: "object", list: "list", str: "text"}
