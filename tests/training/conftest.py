"""One state folder for all that trains in this process: BentoML binds its store to the first."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="package")
def home(tmp_path_factory):
    """The folder, in force while this room's tests run."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEARMETAL_HOME", str(folder))
        patch.delenv("BENTOML_HOME", raising=False)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield folder
