"""Chunk functions for the executor's tests, where workers can import them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from features.errors import InvalidInput, Problem


def product(seed: int) -> np.ndarray:
    """A matrix product, whose last digits threads would change."""
    matrix = np.random.default_rng(seed).random((120, 120))
    return matrix @ matrix.T


def shifted(by: dict[str, int], item: tuple[int, str]) -> tuple[int, str]:
    return item[0] + by["by"], item[1]


def slow(item: int) -> int:
    time.sleep(0.05)
    return item


def dies_once(item: tuple[int, str]) -> np.ndarray:
    """As `product`, but the first process that comes to item 3 is killed."""
    number, mark = item
    if number == 3:
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return product(number)


def dies_always(item: int) -> int:
    if item == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def refuses(item: int) -> int:
    if item == 2:
        raise InvalidInput([Problem("cores", "must be above 0")], "rows.csv, row 7")
    return item


def lacks(item: int) -> int:
    if item == 2:
        raise FileNotFoundError(2, "No such file or directory", "rows.csv")
    return item
