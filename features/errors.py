"""Every failure that the user can mend, in one tree.

NearmetalError
├── InvalidInput        a field, file or row is wrong (exit code 2, HTTP 422)
├── ModelUnavailable    there is no model, or it is damaged or untrusted (HTTP 503)
├── NotStored           what was made cannot be kept: no room, or no leave to write (exit code 2)
└── WorkersLost         who was to do the work cannot be reached, or is lost (exit code 2)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class NearmetalError(Exception):
    """Root of the errors that are told to the user in one line."""

    code = "error"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the field it is in and what would be right."""

    field: str
    message: str


class InvalidInput(NearmetalError):
    """One or more fields are wrong."""

    code = "invalid_input"

    def __init__(self, problems: Iterable[Problem], where: str = "") -> None:
        self.problems = tuple(problems)
        self.where = where
        prefix = f"{where}: " if where else ""
        super().__init__(prefix + "; ".join(f"{p.field}: {p.message}" for p in self.problems))

    def __reduce__(self) -> tuple[type, tuple[tuple[Problem, ...], str]]:
        """As another process gets it."""
        return type(self), (self.problems, self.where)

    def at(self, where: str) -> InvalidInput:
        """The same problems, with the file and row they were found in."""
        return InvalidInput(self.problems, where)


class ModelUnavailable(NearmetalError):
    """No model can answer now."""

    code = "model_unavailable"


class NotStored(NearmetalError):
    """What was made cannot be written."""

    code = "not_stored"


class WorkersLost(NearmetalError):
    """The processes or the cluster that work was handed to cannot be reached, or died."""

    code = "workers_lost"


# What is longer is near to no name, and costs much to compare.
_LONGEST = 80


def near_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The known names that `name` may have meant, nearest first."""
    known = list(known)
    text = str(name)[:_LONGEST].lower().replace("_", "-")
    close = difflib.get_close_matches(text, known, n=limit, cutoff=0.5)
    inside = [k for k in known if text and (text in k or k.split(".")[-1] == text)]
    return list(dict.fromkeys(close + inside))[:limit]


def unknown_name(
    field: str, name: object, known: Iterable[str], kind: str | None = None
) -> Problem:
    """The problem of a name that is not in the vocabulary, answered with the near ones.

    `kind` is what the name should have been one of, when the field's own name does not say it.
    """
    known = list(known)
    near = near_names(str(name), known)
    said = f"did you mean {', '.join(near)}?" if near else f"one of {', '.join(known)}"
    return Problem(field, f"unknown {kind or field.split('.')[-1]} {str(name)[:60]!r}; {said}")
