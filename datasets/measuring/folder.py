"""The folder that a run works in, and the file that it is to leave."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from datasets.measuring.interrupts import held, interruptible
from features.errors import InvalidInput, NotStored, Problem
from features.files import check_output

_REMOVING_S = 5.0


@contextlib.contextmanager
def own_folder(stem: str) -> Iterator[Path]:
    """A folder of this run's own, which goes with it, after an interrupt too. Raises NotStored."""
    with interruptible():
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{stem}-"))
        except OSError as error:
            raise NotStored(f"no folder can be made: {error.strerror}") from None
        try:
            yield folder
        finally:
            with held():
                _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder; an instance that is just ending may still be making things in it."""
    end = time.monotonic() + _REMOVING_S
    while folder.exists() and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def check_writable(output: Path | None) -> None:
    """Minutes of measuring are not to end at a folder that is not there.

    Raises InvalidInput, and NotStored where nobody may write.
    """
    if output is None:
        return
    if not output.parent.is_dir():
        raise InvalidInput([Problem("output", f"{output.parent} is not a folder")])
    if output.is_dir():
        raise InvalidInput([Problem("output", f"{output} is a folder")])
    check_output(output)
    if not os.access(output.parent, os.W_OK):
        raise NotStored(f"{output.parent} cannot be written")
