"""Where nearmetal keeps its state: the tracking store and the model store."""

from __future__ import annotations

import os
from pathlib import Path

from features.errors import InvalidInput, ModelUnavailable, Problem

MODEL_NAME = "nearmetal"
_ADVICE = "train one with `nearmetal train`"


def state_folder() -> Path:
    """`$NEARMETAL_HOME`, else `.nearmetal` beside the front door.

    Raises InvalidInput when something that is no folder stands there.
    """
    given = os.environ.get("NEARMETAL_HOME")
    folder = Path(given) if given else Path(__file__).resolve().parent.parent / ".nearmetal"
    if folder.exists() and not folder.is_dir():
        raise InvalidInput([Problem("NEARMETAL_HOME", f"{folder} is not a folder")])
    return folder


def bentoml_home() -> Path:
    """Where the model store is: `$BENTOML_HOME`, else in nearmetal's state."""
    given = os.environ.get("BENTOML_HOME")
    return Path(given).expanduser() if given else state_folder().absolute() / "bentoml"


def champion_folder() -> Path:
    """The folder of the newest model `nearmetal`: of the model store, else of the bento.

    Reads the store's own pointer file: importing BentoML's store takes a second, which a
    command that predicts once does not have. Raises ModelUnavailable when there is none.
    """
    models = bentoml_home() / "models" / MODEL_NAME
    packed = _packed_model()
    if packed is not None and not (models / "latest").exists():
        return packed
    try:
        version = (models / "latest").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ModelUnavailable(f"there is no model yet: {_ADVICE}") from None
    folder = models / version
    if not version or Path(version).name != version or not _is_folder(folder):
        raise ModelUnavailable(f"the model store names a version that is not there: {_ADVICE}")
    return folder


def _packed_model() -> Path | None:
    """The model that lies beside the sources in a bento; None outside one."""
    bento = Path(__file__).resolve().parent.parent.parent
    if not (bento / "bento.yaml").is_file():
        return None
    folders = (p for p in (bento / "models" / MODEL_NAME).glob("*") if p.is_dir())
    return max(folders, key=lambda p: p.stat().st_mtime, default=None)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
