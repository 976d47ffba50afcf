"""Processes that a watched program leaves behind come to this one while it is watched."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


@contextmanager
def adopting() -> Iterator[None]:
    """Orphans of our children become our children, so that they are seen; afterwards no more:
    they would stay behind as zombies of whoever called us."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_SUBREAPER, 0, 0, 0, 0)
