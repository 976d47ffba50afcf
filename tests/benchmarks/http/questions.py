"""What is asked: scenarios for the service, and the same ones as numbers for its rivals."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from features.encoder import encode
from features.scenario import Scenario
from features.vocabulary import vocabulary
from models.predictor import Predictor

COUNT = 64


def draw(seed: int = 0) -> list[Scenario]:
    """COUNT scenarios over all runtimes and workloads, each on a host of its own."""
    words, rng = vocabulary(), random.Random(seed)
    runtimes, workloads = list(words.runtimes), list(words.workloads)
    return [
        Scenario(
            rng.choice(runtimes),
            rng.choice(workloads),
            cores=float(rng.choice((2, 4, 8, 16, 32, 64))),
            memory_gb=float(rng.choice((8, 32, 64, 128))),
            network_gbps=float(rng.choice((1, 10, 25, 100))),
            storage_iops=float(rng.choice((10_000, 100_000, 500_000))),
        )
        for _ in range(COUNT)
    ]


def write_bodies(predictor: Predictor, folder: Path) -> dict[str, Path]:
    """The bodies of each kind of contestant as files, one a line."""
    scenarios = draw()
    encoding = encode(scenarios, predictor.constants)[0]
    numbers = [[float(x) for x in row] for row in encoding]
    names = [f"x{column}" for column in range(encoding.shape[1])]
    kinds: dict[str, list[Any]] = {
        "scenario": [s.as_dict() for s in scenarios],
        "features": [{"features": row} for row in numbers],
        "inputs": [{"inputs": [row]} for row in numbers],
        "frame": [{"dataframe_split": {"columns": names, "data": [row]}} for row in numbers],
        "mlserver": [{"inputs": [_tensor(row)]} for row in numbers],
    }
    paths = {}
    for kind, bodies in kinds.items():
        paths[kind] = folder / f"{kind}.jsonl"
        paths[kind].write_text("".join(json.dumps(body) + "\n" for body in bodies))
    return paths


def write_rows(predictor: Predictor, path: Path) -> int:
    """The champion's training rows as arrays that a rival can fit; how many they are."""
    rows = predictor.rows
    np.savez(path, x=rows.points.encoding, y=rows.log_retained)
    return len(rows)


def _tensor(row: list[float]) -> dict[str, Any]:
    return {"name": "x", "shape": [1, len(row)], "datatype": "FP64", "data": row}
