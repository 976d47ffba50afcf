"""Ctrl-C and SIGTERM: both end a run, and neither falls between making a thing and noting it."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_held = 0
_pending = False


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within it both signals raise KeyboardInterrupt, outside of `held`."""
    global _pending
    _pending = False
    try:
        before = [(one, signal.signal(one, _arrived)) for one in _SIGNALS]
    except ValueError:  # not in the main thread: signals are its caller's
        yield
        return
    try:
        yield
    finally:
        for one, handler in before:
            signal.signal(one, handler)


@contextlib.contextmanager
def held() -> Iterator[None]:
    """What arrives within it is raised at its end. A child starts with the usual handling, which
    a blocked signal would not give it."""
    global _held, _pending
    _held += 1
    try:
        yield
    finally:
        _held -= 1
    if _pending and not _held:
        _pending = False
        raise KeyboardInterrupt


def _arrived(*_: object) -> None:
    global _pending
    if not _held:
        raise KeyboardInterrupt
    _pending = True
