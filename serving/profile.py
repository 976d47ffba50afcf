"""A demand profile at the door: a JSON file of `nearmetal profile`, or of demands alone."""

from __future__ import annotations

import math
from pathlib import Path

from features.errors import InvalidInput, Problem, unknown_name
from features.files import json_in, refused, shown
from features.vocabulary import vocabulary

FORMAT = 1
_OPTION = "demands"


def read_demands(path: Path) -> dict[str, str]:
    """The demands of a profile, as the text of flags. Raises InvalidInput naming what is wrong."""
    document = json_in(path, _OPTION, "profile", "nearmetal profile")
    if isinstance(document, dict) and "demands" in document:
        if document.get("format", FORMAT) != FORMAT:
            said = f"is of another format than {FORMAT}; profile the program anew"
            raise refused(path, _OPTION, said)
        document = document["demands"]
    if not isinstance(document, dict) or not document:
        raise refused(path, _OPTION, "has no demands")
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
