"""A small predictor in a store of its own, and the service over it."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from features.scenario import Scenario
from models.fitting import fit_predictor
from models.persistence import save_predictor
from models.predictor import Predictor, Record
from models.rows import make_rows

# Read by prometheus_client when it is imported, so set before the service is.
_METRICS = tempfile.TemporaryDirectory(prefix="nearmetal-test-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _METRICS.name
# Tests say themselves when to look for another champion.
os.environ["NEARMETAL_RELOAD_S"] = "0"
_HOME_BEFORE = os.environ.get("BENTOML_HOME")

with warnings.catch_warnings():
    # What BentoML's modules and Starlette's test client say of other libraries on import.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient`")
    from starlette.testclient import TestClient

    from serving import service

# Importing the service names BentoML's home; other rooms' tests choose their own.
if _HOME_BEFORE is None:
    os.environ.pop("BENTOML_HOME", None)


@dataclass(frozen=True)
class Measured:
    """A row that an estimator can learn from."""

    scenario: Scenario
    retained: float
    source: int
    baseline: Scenario | None = None
    spread: float | None = 0.02
    repeats: int | None = 3
    origin: str = "measured"
    resource: str = "app"
    caution: str = ""


def small_predictor() -> Predictor:
    """A predictor of a few made-up rows: real arithmetic, quick to fit."""
    host = {"cores": 8, "memory_gb": 32, "network_gbps": 10, "storage_iops": 1e5}
    kept = {"container": 0.97, "vm": 0.9, "gvisor": 0.6}
    rows = [
        Measured(Scenario(runtime, workload, **host), value - 0.02 * source, source)
        for source in range(4)
        for runtime, value in kept.items()
        for workload in ("web", "database", "hpc")
    ]
    records = [
        Record(
            f"source-{r.source}",
            "A. Author 2024",
            r.scenario.as_dict(),
            "native",
            r.retained,
            r.origin,
        )
        for r in rows
    ]
    codes = [r.source for r in rows]
    return fit_predictor(
        make_rows(rows, codes, codes),
        records,
        np.ones(len(rows), dtype=bool),
        version="7",
        trained_at="2024-05-01T00:00:00+00:00",
        card={"name": "nearmetal", "version": "7"},
    )


def put(predictor: Predictor, home: Path, version: str = "v1") -> Path:
    """The predictor as the latest model of the BentoML home, in its store's layout."""
    folder = home / "models" / "nearmetal" / version
    save_predictor(predictor, folder)
    (folder.parent / "latest").write_text(version)
    return folder


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    return small_predictor()


@pytest.fixture
def empty_home(tmp_path, monkeypatch) -> Path:
    """A BentoML home without a model."""
    home = tmp_path / "bentoml"
    monkeypatch.setenv("BENTOML_HOME", str(home))
    return home


@pytest.fixture
def home(empty_home, predictor) -> Path:
    """A BentoML home with the small predictor as champion."""
    put(predictor, empty_home)
    return empty_home


@pytest.fixture(scope="session")
def running() -> Iterator[TestClient]:
    """The service in process; BentoML's metrics allow one in each process."""
    with TestClient(service.NearmetalService.to_asgi(), raise_server_exceptions=False) as made:
        yield made


@pytest.fixture
def client(running, home) -> Iterator[TestClient]:  # noqa: ARG001
    """The service with a champion."""
    service.champion.forget()
    yield running
    service.champion.forget()


@pytest.fixture
def client_without_model(running, empty_home) -> Iterator[TestClient]:  # noqa: ARG001
    """The service without a champion."""
    service.champion.forget()
    yield running
    service.champion.forget()
