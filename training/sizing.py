"""Which model a user's measurements are for: the exact one, or the basis model of many rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from datasets.columns import measurement_kinds
from datasets.row import REQUIRED_COLUMNS
from features.chunks import Piece, pieces
from features.errors import InvalidInput, Problem, unknown_name
from features.tablefiles import is_bulk

MODELS = ("auto", "exact", "basis")
# So many rows of a hundred hosts take the exact model three minutes and 1.8 GiB before it is
# judged, twice as many six and 3.6; the basis model takes eleven seconds (tests/benchmarks/scale).
EXACT_ROWS = 1500
# Of a smaller CSV no row need be counted.
_SMALL = 2**16


def measured_pieces(files: Sequence[Path]) -> list[Piece]:
    """The pieces of files and folders of measurements. Raises InvalidInput naming the file."""
    kinds = measurement_kinds()
    # Files of one folder have the same columns; what is named by itself may have others.
    return [
        piece
        for file in files
        for piece in pieces([file], kinds, required=REQUIRED_COLUMNS, option="measurements")
    ]


def basis_pieces(files: Sequence[Path], model: str) -> list[Piece] | None:
    """The pieces that the basis model is to be summed over; None where the exact one is meant.

    Raises InvalidInput for a model that there is not, and naming a file that cannot be read.
    """
    if model not in MODELS:
        raise InvalidInput([unknown_name("model", model, MODELS)])
    if model == "exact" or (model == "auto" and not any(_is_large(file) for file in files)):
        return None
    if not files:
        said = "basis is for measurements of your own; name them with --measurements"
        raise InvalidInput([Problem("model", said)])
    found = measured_pieces(files)
    rows = sum(piece.rows for piece in found)
    return found if model == "basis" or rows > EXACT_ROWS else None


def _is_large(file: Path) -> bool:
    return is_bulk(file) or (file.is_file() and file.stat().st_size > _SMALL)
