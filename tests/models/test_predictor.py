"""The served predictor: documents, limits, persistence without pickle."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.encoder import encode
from features.errors import ModelUnavailable
from features.scenario import Scenario
from models.estimator import ResidualRegressor
from models.fitting import fit_predictor
from models.persistence import ARRAYS, MANIFEST, load_predictor, save_predictor

HOST = {"cores": 8, "memory_gb": 32, "network_gbps": 10, "storage_iops": 200_000}


@pytest.fixture(scope="module")
def predictor(law):
    rows, records = law
    scored = np.ones(len(rows), dtype=bool)
    return fit_predictor(rows, records, scored, version="3", trained_at="2026-01-01T00:00:00+00:00")


def test_a_prediction_is_prior_times_residual_inside_its_interval(predictor):
    [p] = predictor.predict([Scenario("gvisor", "web.static", **HOST)])
    assert predictor.use_residual
    assert p.retained == pytest.approx(np.prod(p.part_factors) * p.residual_factor)
    assert p.interval[0] < p.retained < p.interval[1]
    assert p.residual_factor == pytest.approx(np.exp(-0.5), rel=0.25)
    document = json.loads(json.dumps(p.as_dict()))
    assert {"retained", "interval", "level", "parts", "residual_factor", "resources"} <= set(
        document
    )
    assert document["model"]["version"] == "3"
    weights = [e["weight"] for e in document["evidence"]]
    assert weights == sorted(weights, reverse=True)
    assert 0 < sum(weights) <= 1
    for part in document["parts"]:
        assert part["range"][0] <= part["factor"] <= part["range"][1]


def test_whole_is_the_resources_put_together(predictor):
    [p] = predictor.predict([Scenario("vm", "web.static", **HOST)])
    assert set(p.resources) == {"cpu", "memory", "network", "storage"}
    kept = [v[0] for v in p.resources.values()]
    assert min(kept) <= p.retained <= max(kept)


def test_many_scenarios_at_once_are_each_alone(predictor):
    asked = [Scenario(r, "database.kv", **HOST) for r in ("native", "vm", "gvisor", "wasm")]
    together = predictor.predict(asked)
    for one, scenario in zip(together, asked, strict=True):
        alone = predictor.predict([scenario])[0]
        assert one.retained == pytest.approx(alone.retained, rel=1e-9)
        assert one.interval == pytest.approx(alone.interval, rel=1e-9)


def test_native_keeps_all(predictor):
    [p] = predictor.predict([Scenario("native", "web.static", **HOST)])
    assert p.retained == pytest.approx(1.0)
    assert not p.novelty.extrapolating


def test_wider_levels_give_wider_intervals(predictor):
    asked = [Scenario("gvisor", "web.static", **HOST)]
    widths = [np.diff(predictor.predict(asked, level=v)[0].interval)[0] for v in (0.5, 0.8, 0.95)]
    assert widths == sorted(widths)
    with pytest.raises(ValueError, match="between 0 and 1"):
        predictor.predict(asked, level=1.0)


def test_what_was_never_measured_is_said_to_be_new(predictor):
    seen, new = predictor.predict(
        [Scenario("gvisor", "web.static", **HOST), Scenario("sgx", "ai.training", **HOST)]
    )
    assert new.novelty.score > seen.novelty.score
    assert new.novelty.extrapolating
    assert any("no measurement of sgx with ai.training; nearest" in r for r in new.novelty.reasons)
    [unknown] = predictor.predict([Scenario("vm", "web.static", cores=8)])
    assert any(r.startswith("network_gbps is unknown") for r in unknown.novelty.reasons)


def test_saved_and_loaded_predictors_answer_alike(predictor, tmp_path):
    save_predictor(predictor, tmp_path)
    loaded = load_predictor(tmp_path)
    asked = [Scenario("gvisor", "web", **HOST), Scenario("vm", "cpu.int")]
    first = [p.as_dict() for p in predictor.predict(asked)]
    assert [p.as_dict() for p in loaded.predict(asked)] == first
    with np.load(tmp_path / ARRAYS, allow_pickle=False) as arrays:
        assert all(arrays[k].dtype != object for k in arrays.files)


def test_damage_and_strangers_are_refused(predictor, tmp_path):
    with pytest.raises(ModelUnavailable, match="no model yet"):
        load_predictor(tmp_path)
    save_predictor(predictor, tmp_path)
    whole = (tmp_path / ARRAYS).read_bytes()
    for damage in (whole[:-100], whole[:500] + b"x" + whole[501:], b""):
        (tmp_path / ARRAYS).write_bytes(damage)
        with pytest.raises(ModelUnavailable):
            load_predictor(tmp_path)
    (tmp_path / ARRAYS).write_bytes(whole)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps({**manifest, "format": "other"}))
    with pytest.raises(ModelUnavailable, match="format"):
        load_predictor(tmp_path)
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        load_predictor(tmp_path)


def test_arrays_with_pickled_objects_are_refused(predictor, tmp_path):
    import hashlib

    save_predictor(predictor, tmp_path)
    with np.load(tmp_path / ARRAYS) as arrays:
        held = {k: arrays[k] for k in arrays.files}
    with (tmp_path / ARRAYS).open("wb") as file:
        np.savez(file, **{**held, "alpha": np.array([{"a": 1}], dtype=object)})
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["sha256"] = hashlib.sha256((tmp_path / ARRAYS).read_bytes()).hexdigest()
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ModelUnavailable, match="damaged"):
        load_predictor(tmp_path)


def test_the_tracked_regressor_says_what_the_predictor_says(predictor):
    asked = [Scenario("gvisor", "web.static", **HOST), Scenario("vm", "cpu.int", **HOST)]
    encoding, _ = encode(asked)
    mean, deviation = ResidualRegressor.from_predictor(predictor).predict(encoding, return_std=True)
    np.testing.assert_allclose(mean, np.log([p.retained for p in predictor.predict(asked)]))
    assert (deviation > 0).all()


def test_the_regressor_has_scikit_learns_manners(law):
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError

    rows, _ = law
    model = ResidualRegressor(amplitudes=None)
    with pytest.raises(NotFittedError):
        model.predict(rows.points.encoding)
    assert clone(model).get_params() == model.get_params()
    fitted = model.fit(rows.points.encoding, rows.log_retained, groups=rows.group)
    assert fitted.score(rows.points.encoding, rows.log_retained) > 0.8
    with pytest.raises(ValueError, match="the encoding has"):
        model.fit(rows.points.encoding[:, :5], rows.log_retained)


def test_a_home_that_is_no_folder_is_refused(tmp_path, monkeypatch):
    from features.errors import InvalidInput
    from models.home import bentoml_home, state_folder

    (tmp_path / "file").write_text("")
    monkeypatch.delenv("BENTOML_HOME", raising=False)
    monkeypatch.setenv("NEARMETAL_HOME", str(tmp_path / "file"))
    for place in (state_folder, bentoml_home):
        with pytest.raises(InvalidInput, match="NEARMETAL_HOME: .* is not a folder"):
            place()
