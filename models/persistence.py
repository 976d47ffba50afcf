"""A predictor on disk: arrays without pickle, one JSON manifest, and the digests of both.

What is read is read once, its digest checked first, so that what was checked is what is used.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from features.constants import adjustable
from features.encoder import COLUMNS
from features.errors import ModelUnavailable
from models.calibration import Calibration
from models.evidence import Known
from models.kernel import Amplitudes, Points
from models.narrowing import Narrowing
from models.predictor import Predictor, Record
from models.rows import Rows

FORMAT = "nearmetal-predictor-5"
ARRAYS, MANIFEST, DIGESTS = "arrays.npz", "manifest.json", "SHA256SUMS"
# Far above any champion; a file that is larger is not read.
MAX_BYTES = {ARRAYS: 512 * 2**20, MANIFEST: 64 * 2**20, DIGESTS: 4096}


def save_predictor(predictor: Predictor, folder: Path) -> None:
    """Write a predictor into `folder`, the digests last: without them nothing is there.

    The digests are in the form that `sha256sum --check` reads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, **_arrays(predictor))
    manifest = json.dumps(_manifest(predictor)).encode()
    written = {ARRAYS: arrays.getvalue(), MANIFEST: manifest}
    sums = "".join(f"{_digest(data)}  {name}\n" for name, data in written.items())
    for name, data in {**written, DIGESTS: sums.encode()}.items():
        partial = folder / (name + ".partial")
        partial.write_bytes(data)
        partial.replace(folder / name)


def load_predictor(folder: Path) -> Predictor:
    """Read a predictor. Raises ModelUnavailable when it is absent, damaged or not ours."""
    data = _read(folder)
    try:
        manifest = json.loads(data[MANIFEST])
    except (ValueError, RecursionError) as error:
        raise ModelUnavailable(f"the model's manifest cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelUnavailable(f"the model is not of the format {FORMAT}; run nearmetal train")
    if manifest.get("columns") != list(COLUMNS):
        raise ModelUnavailable("the model was trained on another encoding; run nearmetal train")
    try:
        return _predictor(manifest, _arrays_in(data[ARRAYS]))
    # A file of the right digest may still hold anything: whatever it breaks, it is refused.
    except Exception as error:
        raise ModelUnavailable(f"the model is damaged: {error}") from error


def _read(folder: Path) -> dict[str, bytes]:
    """The bytes of an artifact's files, each as its digest says. Raises ModelUnavailable."""
    if not folder.is_dir() or not any(folder.iterdir()):
        raise ModelUnavailable("there is no model yet; nearmetal train makes one")
    try:
        data = {name: _bounded(folder / name) for name in (DIGESTS, MANIFEST, ARRAYS)}
    except FileNotFoundError as error:
        said = f"the model is not whole, {Path(error.filename).name} is missing"
        raise ModelUnavailable(f"{said}; run nearmetal train") from error
    except OSError as error:
        raise ModelUnavailable(f"the model cannot be read: {error}") from error
    promised = _promised(data[DIGESTS])
    for name in (MANIFEST, ARRAYS):
        if promised.get(name) != _digest(data[name]):
            raise ModelUnavailable(f"the model is damaged: {name} does not match its digest")
    return data


def _bounded(path: Path) -> bytes:
    most = MAX_BYTES[path.name]
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ModelUnavailable(f"the model is refused: {path.name} is larger than {most} bytes")
    return data


def _promised(sums: bytes) -> dict[str, str]:
    lines = (line.split() for line in sums.decode("ascii", "replace").splitlines())
    return {parts[1]: parts[0] for parts in lines if len(parts) == 2}


def _arrays_in(data: bytes) -> dict[str, Any]:
    """The arrays of an archive, all of numbers. Raises ValueError for anything else in it.

    They are stored, not packed: what is unfolded is no larger than what was read.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
    if {e.filename for e in entries} != {f"{name}.npy" for name in _NAMES}:
        raise ValueError("the arrays are not those of a predictor")
    if len(entries) != len(_NAMES) or any(e.compress_type for e in entries):
        raise ValueError("the arrays are packed or named twice")
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for name, array in arrays.items():
        if array.dtype.kind not in "if" or not np.isfinite(array).all():
            raise ValueError(f"{name} holds what is no finite number")
    return arrays


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _manifest(p: Predictor) -> Mapping[str, Any]:
    return {
        "format": FORMAT,
        "columns": list(COLUMNS),
        "version": p.version,
        "trained_at": p.trained_at,
        "use_residual": p.use_residual,
        "ceiling": p.calibration.ceiling,
        "narrowing": asdict(p.narrowing),
        "novelty_threshold": p.novelty_threshold,
        "amplitudes": p.amplitudes.as_dict(),
        "positions": {"/".join(entry): value for entry, value in p.positions.items()},
        "records": [asdict(r) for r in p.records],
        "known": {"pairs": sorted(p.known.pairs), "options": sorted(p.known.options)},
        "card": p.card,
    }


_NAMES = (
    *("encoding", "source", "resource"),
    *("baseline", "baseline_encoding", "baseline_source", "baseline_resource"),
    *("log_retained", "log_prior", "host_spread", "noise", "group"),
    *("precision", "alpha", "coefficients", "scores", "cumulative", "mechanisms"),
)


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
        "mechanisms": p.mechanisms,
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
    shaped = a["mechanisms"].ndim == 2 and a["mechanisms"].shape[1] == len(COLUMNS)
    if not shaped or a["encoding"].shape[1:] != (len(COLUMNS),) or a["alpha"].shape != (len(rows),):
        raise ValueError("the arrays are not of the encoding's shape")
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
        known=_known(manifest["known"]),
        mechanisms=a["mechanisms"],
        version=str(manifest["version"]),
        trained_at=str(manifest["trained_at"]),
        card=manifest["card"],
        positions={_entry(name): float(v) for name, v in manifest["positions"].items()},
    )


def _known(told: dict[str, Any]) -> Known:
    pairs = {(str(runtime), str(workload)) for runtime, workload in told["pairs"]}
    options = {(str(runtime), str(key), str(value)) for runtime, key, value in told["options"]}
    return Known(frozenset(pairs), frozenset(options))


def _entry(name: str) -> tuple[str, str]:
    quantity, _, key = name.partition("/")
    if (quantity, key) not in adjustable():
        raise ValueError(f"no constant {name} that may be moved")
    return quantity, key
