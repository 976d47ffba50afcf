"""Files that a command writes: whole or not at all, and never in place of what is no file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from features.errors import InvalidInput, Problem

# A document that a command wrote for another is far smaller.
MAX_JSON = 1024**2


def check_output(path: Path, option: str = "output", source: Path | None = None) -> None:
    """Raises InvalidInput for an output that would replace its own input, or what is no file.

    A rename replaces a device or a pipe as readily as a file, so they are refused here. `option`
    is what named the path.
    """
    said = ""
    if path.is_dir():
        said = "Is a directory"
    elif os.path.lexists(path) and not path.is_file():
        said = "is not a regular file"
    elif source is not None and path.exists() and source.exists() and path.samefile(source):
        said = "is the input; name another file"
    if said:
        raise InvalidInput([Problem(option, f"{shown(path)}: {said}")])


def write_whole(path: Path, write: Callable[[TextIO], object], option: str = "output") -> None:
    """Have `write` fill a file in UTF-8. Raises InvalidInput when it cannot be written."""
    with stored(path, option):
        put_in_place(path, write, option)


def put_in_place(path: Path, write: Callable[[TextIO], object], option: str = "output") -> None:
    """Have `write` fill a file that is complete or, when that fails, as it was.

    Raises OSError, and InvalidInput for what is no file.
    """
    with (
        _replaced(path, option) as handle,
        open(handle, "w", newline="", encoding="utf-8") as file,  # noqa: PTH123
    ):
        write(file)


def put_bytes_in_place(
    path: Path, write: Callable[[BinaryIO], object], option: str = "output"
) -> None:
    """The same of a file of bytes."""
    with _replaced(path, option) as handle, open(handle, "wb") as file:  # noqa: PTH123
        write(file)


@contextmanager
def _replaced(path: Path, option: str) -> Iterator[int]:
    """A handle on a new file that takes the place of `path` at the end of the block."""
    check_output(path, option)
    path = Path(os.path.realpath(path))  # through a link, not in its place
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        yield handle
        os.chmod(partial, 0o666 & ~umask())  # noqa: PTH101
        os.replace(partial, path)  # noqa: PTH105
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


@contextmanager
def stored(path: Path, option: str = "output") -> Iterator[None]:
    """What keeps the block from writing a file, as InvalidInput that names it."""
    try:
        yield
    except OSError as error:
        said = f"{shown(path)}: {error.strerror or 'cannot be written'}"
        raise InvalidInput([Problem(option, said)]) from None


def json_in(path: Path, option: str, kind: str, writer: str) -> Any:
    """What a JSON file holds that `option` named: a `kind`, as the command `writer` makes it.

    Raises InvalidInput for one that cannot be read, is too large to be such, or is no JSON.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_JSON + 1)
    except OSError as error:
        raise refused(path, option, error.strerror or "cannot be read") from None
    if len(raw) > MAX_JSON:
        raise refused(path, option, f"is too large to be a {kind}")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise refused(path, option, f"is not JSON; {writer} writes it") from None


def refused(path: Path, option: str, said: str) -> InvalidInput:
    """What is wrong with a file that `option` named."""
    return InvalidInput([Problem(option, f"{shown(path)}: {said}")])


def shown(path: Path) -> str:
    """A path on one line."""
    return str(path) if str(path).isprintable() else repr(str(path))


def umask() -> int:
    """The mode's bits that this process takes from new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
