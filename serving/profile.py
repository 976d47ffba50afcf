"""A demand profile at the door: a JSON file of `nearmetal profile`, or of demands alone."""

from __future__ import annotations

import json
import math
from pathlib import Path

from features.errors import InvalidInput, Problem, unknown_name
from features.vocabulary import vocabulary
from serving.flat import shown

FORMAT = 1
MAX_BYTES = 1024**2


def read_demands(path: Path) -> dict[str, str]:
    """The demands of a profile, as the text of flags. Raises InvalidInput naming what is wrong."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _refused(path, error.strerror or "cannot be read") from None
    if len(raw) > MAX_BYTES:
        raise _refused(path, "is too large to be a profile")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise _refused(path, "is not JSON; nearmetal profile writes it") from None
    if isinstance(document, dict) and "demands" in document:
        if document.get("format", FORMAT) != FORMAT:
            raise _refused(path, f"is of another format than {FORMAT}; profile the program anew")
        document = document["demands"]
    if not isinstance(document, dict) or not document:
        raise _refused(path, "has no demands")
    known = vocabulary().demand_fields
    problems = []
    for key, value in document.items():
        name = f"demands.{key}"[:80]
        if key not in known:
            problems.append(unknown_name(name, key, known, "demand"))
        elif isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            problems.append(Problem(name, f"a number is needed, not {str(value)[:40]!r}"))
        elif not known[key].low <= value <= known[key].high or math.isinf(value):
            said = f"must be {known[key].low:g} to {known[key].high:g}, not {value:g}"
            problems.append(Problem(name, said))
    if problems:
        raise InvalidInput(problems[:20], shown(path))
    return {key: repr(value) for key, value in document.items()}


def _refused(path: Path, said: str) -> InvalidInput:
    return InvalidInput([Problem("demands", f"{shown(path)}: {said}")])
