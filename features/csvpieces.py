"""A CSV of any length in pieces that are found again by their bytes, each a few rows' worth.

A row ends with the line, unless a quotation mark is open there.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from features.errors import InvalidInput, Problem
from features.files import shown

_BLOCK = 2**23
# What is longer is no row: a quotation mark was not closed.
_LONGEST_ROW = 2**24
_MARK = b"\xef\xbb\xbf"
_END, _RETURN, _QUOTE = b'\n\r"'


@dataclass(frozen=True)
class Span:
    """Some rows of a CSV: where their bytes are, how many rows, the line of the first."""

    offset: int
    length: int
    rows: int
    line: int


def rows_in(data: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of bytes that begin with a row: (n, 2) the begin and end of each that is ended, and the lines
    (n,) before it. Empty lines are rows that are as long as their end."""
    seen = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(seen == _END)
    within = np.searchsorted(np.flatnonzero(seen == _QUOTE), ends) % 2 == 0
    before = np.concatenate([[0], np.flatnonzero(within) + 1])[: int(within.sum())]
    ends = ends[within] + 1
    return np.stack([np.concatenate([[0], ends[:-1]])[: len(ends)], ends], axis=1), before


def full_rows(data: bytes, spans: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows (n, 2) of the bytes hold anything."""
    seen = np.frombuffer(data, dtype=np.uint8)
    length = spans[:, 1] - spans[:, 0]
    return (length > 2) | ((length == 2) & (seen[spans[:, 0]] != _RETURN))


def split(path: Path, rows: int) -> tuple[list[str], list[Span]]:
    """The header of a CSV, and its rows in pieces of so many. Raises InvalidInput, OSError."""
    header: list[str] | None = None
    spans: list[Span] = []
    begin = count = 0
    end = first_line = 1
    for offset, line, data in _blocks(path):
        found, _ = rows_in(data)
        full = full_rows(data, found)
        if header is None:
            if not full.any():
                continue
            place = int(full.argmax())
            ended = int(found[place, 1])
            header = _header(path, data[:ended])
            found, full = found[place + 1 :], full[place + 1 :]
            begin = end = offset + ended
            first_line = line + _lines_to(data, ended)
        # Rows (not empty lines) up to and with each; a piece ends with every `rows` of them.
        total = count + np.cumsum(full)
        for place in np.flatnonzero(full & (total % rows == 0)).tolist():
            end = offset + int(found[place, 1])
            spans.append(Span(begin, end - begin, rows, first_line))
            begin = end
            first_line = line + _lines_to(data, int(found[place, 1]))
        if len(total):
            count = int(total[-1])
            end = offset + int(found[-1, 1])
    if count % rows:
        spans.append(Span(begin, end - begin, count % rows, first_line))
    if header is None:
        said = "is empty; a header and at least one row are needed"
        raise InvalidInput([Problem("file", said)], shown(path))
    return header, spans


def _lines_to(data: bytes, end: int) -> int:
    return data.count(b"\n", 0, end)


def _blocks(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """The rows of a file in blocks of bytes: where each begins, on which line, and the bytes."""
    with path.open("rb") as file:
        offset = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
        file.seek(offset)
        line, rest = 1, b""
        while True:
            read = file.read(_BLOCK)
            data = rest + read
            if not read:
                if data:
                    # The last row need not be ended.
                    if len(rows_in(data + b"\n")[0]) != 1:
                        raise _unclosed(path, line)
                    yield offset, line, data + b"\n"
                return
            found, _ = rows_in(data)
            end = int(found[-1, 1]) if len(found) else 0
            if len(data) - end > _LONGEST_ROW:
                raise _unclosed(path, line + _lines_to(data, end))
            if end:
                yield offset, line, data[:end]
                line += _lines_to(data, end)
                offset += end
            rest = data[end:]


def _unclosed(path: Path, line: int) -> InvalidInput:
    said = "is not well-formed CSV: a quotation mark is not closed"
    return InvalidInput([Problem("file", said)], f"{shown(path)}, row {line}")


def _header(path: Path, data: bytes) -> list[str]:
    try:
        text = data.decode("utf-8").strip()
        return [cell.strip() for cell in next(csv.reader([text], strict=True), [])]
    except (UnicodeDecodeError, csv.Error) as error:
        said = f"is not a CSV in UTF-8: {error}"
        raise InvalidInput([Problem("file", said)], f"{shown(path)}, row 1") from None
