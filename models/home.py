"""Where nearmetal keeps its state: the tracking store and the model store."""

from __future__ import annotations

import os
from pathlib import Path


def state_folder() -> Path:
    """`$NEARMETAL_HOME`, else `.nearmetal` beside the front door."""
    given = os.environ.get("NEARMETAL_HOME")
    return Path(given) if given else Path(__file__).resolve().parent.parent / ".nearmetal"


def bentoml_home() -> Path:
    """Where the model store is: `$BENTOML_HOME`, else in nearmetal's state."""
    given = os.environ.get("BENTOML_HOME")
    return Path(given).expanduser() if given else state_folder().absolute() / "bentoml"
