"""The service's own series at BentoML's /metrics."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serving import service
from serving.metrics import observe
from tests.serving.test_service import WEB


def series(client) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    from prometheus_client.parser import text_string_to_metric_families

    return {
        s.name + "".join(f",{k}={v}" for k, v in sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for s in family.samples
    }


def grown(client, ask) -> dict[str, float]:
    """What asking adds to each of the service's own series."""
    before = series(client)
    ask()
    return {
        k: v - before.get(k, 0.0)
        for k, v in series(client).items()
        if k.startswith("nearmetal_") and v != before.get(k, 0.0)
    }


def test_a_prediction_is_counted(client):
    record = {}
    added = grown(client, lambda: record.update(client.post("/predict", json=WEB).json()))
    far = str(record["novelty"]["extrapolating"]).lower()
    name = f"nearmetal_predictions_total,extrapolating={far},runtime=gvisor,workload=web"
    assert added[name] == 1
    assert added["nearmetal_novelty_count"] == added["nearmetal_interval_width_count"] == 1
    assert added["nearmetal_novelty_sum"] == pytest.approx(record["novelty"]["score"])
    low, high = record["interval"]
    assert added["nearmetal_interval_width_sum"] == pytest.approx(high - low)


def test_lists_and_comparisons_are_counted_one_by_one(client):
    many = [{**WEB, "runtime": r} for r in ("vm", "vm", "container")]
    added = grown(client, lambda: client.post("/predict", json=many))
    by_runtime = {k.split("runtime=")[1]: v for k, v in added.items() if "predictions" in k}
    assert by_runtime == {"vm,workload=web": 2, "container,workload=web": 1}
    assert added["nearmetal_novelty_count"] == 3
    compared = {"workload": "web", "runtimes": ["vm", "gvisor"]}
    assert grown(client, lambda: client.post("/compare", json=compared))[
        "nearmetal_interval_width_count"
    ] == 2  # fmt: skip


def test_a_refusal_is_no_prediction(client):
    assert grown(client, lambda: client.post("/predict", json={**WEB, "cores": -1})) == {}


def test_the_champion_and_refusals_are_told(client):
    service.metrics.champion("7")
    service.metrics.champion("8")
    found = series(client)
    assert found["nearmetal_champion_workers,version=8"] == 1
    assert found["nearmetal_champion_workers,version=7"] == 0
    added = grown(client, service.metrics.reload_failed)
    assert added == {"nearmetal_reload_failures_total": 1}


def test_many_values_fall_where_each_would(running):  # noqa: ARG001
    import prometheus_client

    registry = prometheus_client.CollectorRegistry()
    bounds = (0.1, 0.5, 1.0)
    values = [0.0, 0.1, 0.1000001, 0.5, 0.7, 1.0, 1.1]
    one, many = (
        prometheus_client.Histogram(f"test_{name}", "", buckets=bounds, registry=registry)
        for name in ("one", "many")
    )
    for value in values:
        one.observe(value)
    observe(many, bounds, values)
    for name in [f"_bucket,{le}" for le in ("0.1", "0.5", "1.0", "+Inf")] + ["_sum", "_count"]:
        kind, _, le = name.partition(",")
        labels = {"le": le} if le else {}
        first, second = (
            registry.get_sample_value(f"test_{n}{kind}", labels) for n in ("one", "many")
        )
        assert first == pytest.approx(second), name


def test_the_dead_are_not_counted(client):
    """A worker that was killed leaves its gauges behind."""
    script = """
from serving.metrics import Metrics
import os, signal
metrics = Metrics()
metrics.open()
metrics.champion("of the dead")
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run([sys.executable, "-c", script], cwd=root, check=False)
    assert killed.returncode < 0
    name = "nearmetal_champion_workers,version=of the dead"
    assert series(client)[name] == 1
    service.metrics.bury()
    assert name not in series(client)
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"]
