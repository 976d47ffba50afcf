"""A predictor on disk: arrays without pickle and one JSON manifest that names their digests."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from features.constants import adjustable
from features.encoder import COLUMNS
from features.errors import ModelUnavailable
from models.calibration import Calibration
from models.kernel import Amplitudes, Points
from models.narrowing import Narrowing
from models.predictor import Predictor, Record
from models.rows import Rows

FORMAT = "nearmetal-predictor-4"
ARRAYS, MANIFEST = "arrays.npz", "manifest.json"


def save_predictor(predictor: Predictor, folder: Path) -> None:
    """Write a predictor into `folder`, the manifest last: without it nothing is there."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = _arrays(predictor)
    with (folder / ARRAYS).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    manifest = {
        "format": FORMAT,
        "columns": list(COLUMNS),
        "sha256": _digest(folder / ARRAYS),
        "version": predictor.version,
        "trained_at": predictor.trained_at,
        "use_residual": predictor.use_residual,
        "ceiling": predictor.calibration.ceiling,
        "narrowing": {
            "scatter": predictor.narrowing.scatter,
            "exponent": predictor.narrowing.exponent,
            "stretch": predictor.narrowing.stretch,
        },
        "novelty_threshold": predictor.novelty_threshold,
        "amplitudes": predictor.amplitudes.as_dict(),
        "positions": {"/".join(entry): value for entry, value in predictor.positions.items()},
        "records": [asdict(r) for r in predictor.records],
        "card": predictor.card,
    }
    partial = folder / (MANIFEST + ".partial")
    partial.write_text(json.dumps(manifest), encoding="utf-8")
    partial.replace(folder / MANIFEST)


def load_predictor(folder: Path) -> Predictor:
    """Read a predictor. Raises ModelUnavailable when it is absent, damaged or not ours."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelUnavailable("there is no model yet; nearmetal train makes one") from error
    except (OSError, ValueError) as error:
        raise ModelUnavailable(f"the model's manifest cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelUnavailable(f"the model is not of the format {FORMAT}")
    if manifest.get("columns") != list(COLUMNS):
        raise ModelUnavailable("the model was trained on another encoding; run nearmetal train")
    try:
        if _digest(folder / ARRAYS) != manifest["sha256"]:
            raise ModelUnavailable("the model's arrays do not match their digest")
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            return _predictor(manifest, {k: arrays[k] for k in arrays.files})
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ModelUnavailable(f"the model is damaged: {error}") from error


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _arrays(p: Predictor) -> dict[str, Any]:
    rows = p.rows
    return {
        "encoding": rows.points.encoding,
        "source": rows.points.source,
        "resource": rows.points.resource,
        "baseline": rows.baseline,
        "baseline_encoding": rows.baseline_points.encoding,
        "baseline_source": rows.baseline_points.source,
        "baseline_resource": rows.baseline_points.resource,
        "log_retained": rows.log_retained,
        "log_prior": rows.log_prior,
        "host_spread": rows.host_spread,
        "noise": rows.noise,
        "group": rows.group,
        "precision": p.precision,
        "alpha": p.alpha,
        "coefficients": p.calibration.coefficients,
        "scores": p.calibration.scores,
        "cumulative": p.calibration.cumulative,
    }


def _predictor(manifest: dict[str, Any], a: dict[str, Any]) -> Predictor:
    rows = Rows(
        Points(a["encoding"], a["source"], a["resource"]),
        a["baseline"],
        Points(a["baseline_encoding"], a["baseline_source"], a["baseline_resource"]),
        a["log_retained"],
        a["log_prior"],
        a["host_spread"],
        a["noise"],
        a["group"],
    )
    if len(manifest["records"]) != len(rows) or a["precision"].shape != (len(rows), len(rows)):
        raise ValueError("records and arrays differ in length")
    ceiling = float(manifest["ceiling"])
    return Predictor(
        rows=rows,
        records=tuple(Record(**r) for r in manifest["records"]),
        amplitudes=Amplitudes.from_dict(manifest["amplitudes"]),
        precision=a["precision"],
        alpha=a["alpha"],
        calibration=Calibration(a["coefficients"], a["scores"], a["cumulative"], ceiling),
        narrowing=Narrowing(
            float(manifest["narrowing"]["scatter"]),
            float(manifest["narrowing"]["exponent"]),
            float(manifest["narrowing"]["stretch"]),
        ),
        novelty_threshold=float(manifest["novelty_threshold"]),
        use_residual=bool(manifest["use_residual"]),
        version=str(manifest["version"]),
        trained_at=str(manifest["trained_at"]),
        card=manifest["card"],
        positions={_entry(name): float(v) for name, v in manifest["positions"].items()},
    )


def _entry(name: str) -> tuple[str, str]:
    quantity, _, key = name.partition("/")
    if (quantity, key) not in adjustable():
        raise ValueError(f"no constant {name} that may be moved")
    return quantity, key
