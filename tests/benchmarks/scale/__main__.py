"""What many rows cost: accuracy of the basis model, time a row, memory, and rivals.

    uv run --group bench python -m tests.benchmarks.scale [--rows 1000000] [--large] [--json]

Rows are synthetic measurements of 200 hosts, each with constants and an offset of its own, and are
taught as measured ones. Every step that is timed runs in a process of its own, whose memory and
that of its children (proportional set size) is sampled. --large also streams ten times the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.scale.memory import peak_of
from tests.benchmarks.scale.steps import FITTED, STEPS

SIZES = (10_000, FITTED)


def main() -> None:
    """Run all steps and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--large", action="store_true", help="Stream ten times the rows as well.")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="One JSON document on stdout.")
    asked = parser.parse_args()
    if asked.step:
        print(json.dumps(STEPS[asked.step](asked.folder, asked.rows, asked.times)))
        return
    with _folder() as folder:
        found = dict(_run(folder, asked.rows, asked.large))
    if asked.json:
        print(json.dumps(found))
    else:
        _show(found)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nearmetal-scale-") as name:
        yield Path(name)


def _run(folder: Path, rows: int, large: bool) -> Iterator[tuple[str, Any]]:
    sizes = sorted({*SIZES, rows})
    yield "accuracy", _step("accuracy", folder, 0)
    for size in sizes:
        yield f"generate {size}", _step("generate", folder, size)
    for size in sizes:
        yield f"pass {size}", _step("pass", folder, size)
    yield f"train {rows}", _step("train", folder, rows)
    if large:
        yield f"train {rows} x 10", _step("train", folder, rows, times=10)
    for size in sizes:
        yield f"score {size}", _step("score", folder, size)
    yield f"score {rows}, two processes", _step("score-two", folder, rows)
    for own in (500, 1500, 3000):
        yield f"own rows: {own}", _step("crossing", folder, own)
    yield "rival", _step("rival", folder, FITTED)
    for workers in (1, 2):
        yield f"Dask workers: {workers}", _step("dask", folder, rows, times=workers)


def _step(name: str, folder: Path, rows: int, times: int = 1) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--step", name]
    command += ["--folder", str(folder), "--rows", str(rows), "--times", str(times)]
    environment = {**os.environ, "NEARMETAL_HOME": str(folder / "home")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    peak = peak_of(process)
    assert process.stdout is not None
    said = process.stdout.read()
    if process.wait():
        raise SystemExit(f"{name} failed")
    told = {**json.loads(said), "peak_mib": round(peak() / 2**20)}
    print(f"{name} {rows}: {json.dumps(told)}", file=sys.stderr)
    return told


def _show(found: dict[str, Any]) -> None:
    for name, told in found.items():
        print(f"{name:32} " + "  ".join(f"{k} {_number(v)}" for k, v in told.items()))


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
