"""How many operations a program has done: a number, a rate, or a counter that is read."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

from features.errors import InvalidInput, Problem

_TIMEOUT_S = 10.0
_MAX_BYTES = 8 * 1024**2
_CHUNK = 1024**2
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")

Counter = Callable[[], float]


def counter_of(where: str) -> Counter:
    """A counter of operations so far: `http://HOST/metrics#NAME` sums a Prometheus metric, a file
    is an access log of a line each, anything else a command whose last number is the count.

    Raises InvalidInput, and so does the counter when it cannot be read.
    """
    if where.startswith(("http://", "https://")):
        url, _, name = where.partition("#")
        if not name:
            raise _refused("name the metric behind the URL: http://HOST/metrics#NAME")
        return lambda: _metric(url, name)
    if Path(where).is_file():
        return _Lines(Path(where)).count
    return lambda: _printed(where)


def prometheus_sum(text: str, name: str) -> float:
    """The sum of a metric's samples in Prometheus' text; raises InvalidInput without one."""
    form = re.compile(rf"^{re.escape(name)}(?:\{{.*\}})? (\S+)", re.MULTILINE)
    samples = form.findall(text)
    if not samples:
        raise _refused(f"the page has no metric {name!r}")
    try:
        return float(sum(float(sample) for sample in samples))
    except ValueError:
        raise _refused(f"{name} has a sample that is no number") from None


def _metric(url: str, name: str) -> float:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            text = answer.read(_MAX_BYTES).decode("utf-8", errors="replace")
    except (URLError, OSError, ValueError) as error:
        raise _refused(f"{url} does not answer: {getattr(error, 'reason', error)}") from None
    return prometheus_sum(text, name)


def _printed(command: str) -> float:
    try:
        done = subprocess.run(
            command, shell=True, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise _refused(f"{command[:60]!r} takes longer than {_TIMEOUT_S:g} s") from None
    numbers = _NUMBER.findall(done.stdout)
    if done.returncode or not numbers:
        raise _refused(f"{command[:60]!r} is no file and as a command prints no number")
    return float(numbers[-1])


class _Lines:
    """Lines of a log that grows, read on from where it was; one that was cut starts anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = path.stat().st_size
        self.seen = 0.0

    def count(self) -> float:
        """Lines written since the start."""
        try:
            if self.path.stat().st_size < self.at:
                self.at = 0
            with self.path.open("rb") as file:
                file.seek(self.at)
                while chunk := file.read(_CHUNK):
                    self.seen += chunk.count(b"\n")
                    self.at += len(chunk)
        except OSError as error:
            raise _refused(f"{self.path}: {error.strerror}") from None
        return self.seen


def _refused(message: str) -> InvalidInput:
    return InvalidInput([Problem("count-from", message)])
