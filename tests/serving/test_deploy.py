"""What is shipped to run the service elsewhere is whole, and speaks of what there is."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from serving import access, launch, logs, service
from tests.serving.test_service import WEB

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "serving" / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "nearmetal.json").read_text())

# A label and the series that is summed by it.
GROUPED = r"by \((\w+)\) \([^()]*\(?((?:nearmetal|bentoml)_\w+)"


def documents(name: str) -> list[dict]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text()))


def queries() -> list[str]:
    alerts = [r["expr"] for g in documents("alerts.yaml")[0]["groups"] for r in g["rules"]]
    return alerts + [t["expr"] for p in DASHBOARD["panels"] for t in p["targets"]]


def test_every_query_names_series_that_there_are(client):
    client.post("/predict", json=WEB)
    service.watch.look()
    told = client.get("/metrics").text
    there = {re.split(r"[{ ]", line)[0] for line in told.splitlines() if line[:1] != "#"}
    for query in queries():
        named = set(re.findall(r"\b(?:nearmetal|bentoml)_\w+", query))
        assert named, query
        assert named <= there, query
        for name, wanted in re.findall(
            r"by \((\w+)\) \([^()]*\(?((?:nearmetal|bentoml)_\w+)", query
        ):
            assert re.search(rf"^{wanted}{{[^}}]*\b{name}=", told, re.M), query


def test_the_dashboard_has_no_panel_over_another():
    ids = [p["id"] for p in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = set()
    for grid in (p["gridPos"] for p in DASHBOARD["panels"]):
        taken = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & places
        assert grid["x"] + grid["w"] <= 24
        places |= taken


def test_compose_mounts_files_that_there_are():
    [compose] = documents("compose.yaml")
    services = compose["services"]
    assert services.keys() == {"nearmetal", "prometheus", "grafana", "mlflow"}
    for each in services.values():
        assert all(port.startswith("127.0.0.1:") for port in each["ports"])
        for volume in each["volumes"]:
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).is_file(), source
            elif not source.startswith("$"):
                assert source in compose["volumes"]
    [scrape] = documents("prometheus.yaml")[0]["scrape_configs"]
    assert scrape["static_configs"][0]["targets"] == ["nearmetal:3000"]
    assert Path(scrape["authorization"]["credentials_file"]).name in compose["secrets"]


def test_kubernetes_probes_what_answers_without_a_key(client):
    parts = {d["kind"]: d for d in documents("kubernetes.yaml")}
    pod = parts["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = container[probe]["httpGet"]["path"]
        assert access.is_open(path)
        assert client.get(path).status_code == 200
    mounts = {m["name"] for m in container["volumeMounts"]}
    assert mounts == {v["name"] for v in pod["volumes"]}
    labels = parts["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert parts["Service"]["spec"]["selector"] == labels


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml", "README.md"])
def test_what_is_set_is_read(name):
    known = {access.VARIABLE, launch.WORKERS_VARIABLE, logs.FORM, logs.ACCESS}
    known |= {"NEARMETAL_RELOAD_S", "NEARMETAL_MODELS"}
    named = set(re.findall(r"NEARMETAL_[A-Z_]+[A-Z]", (DEPLOY / name).read_text()))
    assert named
    assert named <= known


def test_the_bento_needs_what_the_project_needs():
    bento = yaml.safe_load((ROOT / "bentofile.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(bento["python"]["packages"]) <= set(project["dependencies"])
    assert bento["service"] == launch.SERVICE
    assert all((ROOT / path.strip("/*")).exists() for path in bento["include"])
