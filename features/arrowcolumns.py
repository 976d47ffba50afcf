"""Arrow's columns as those that scenarios are read from, and what a column may hold."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.columns import Coded, Column

# What a column holds; one that holds nothing is neither, and of no other kind is any use.
TEXT, NUMBERS, NOTHING = "text", "numbers", ""


def column_of(column: pa.ChunkedArray, number: bool) -> Column:
    """A column as numbers, where it should and does hold such, else coded, its text stripped."""
    kind = column.type
    if pa.types.is_null(kind):
        return Coded(np.full(len(column), -1), ())
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    if number:
        made = _as_numbers(column)
        if made is not None:
            return made
    elif not _is_text(column.type):
        column = column.cast(pa.string())
    # The codes of the parts are made to be of one list of values.
    coded = column.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(codes, [text.strip() for text in coded.dictionary.to_pylist()])


def _as_numbers(column: pa.ChunkedArray) -> NDArray[np.float64] | None:
    """The numbers of a column; None where a text of it is none, or says "nan"."""
    text = _is_text(column.type)
    try:
        if text:
            column = pc.if_else(pc.equal(column, ""), None, column)
        column = column.cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:
        return None
    if text and pc.any(pc.is_nan(column)).as_py():
        return None
    made: NDArray[np.float64] = column.to_numpy()
    return made


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def kind_of(kind: pa.DataType) -> str:
    """What a column holds: TEXT, NUMBERS, NOTHING, or "!" and the type that none may hold."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if _is_text(kind):
        return TEXT
    if pa.types.is_null(kind):
        return NOTHING
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return NUMBERS if number else f"!{kind}"
