"""The served predictor: documents, limits, persistence without pickle."""

from __future__ import annotations

import json
from hashlib import sha256

import numpy as np
import pytest

from features.encoder import encode
from features.errors import ModelUnavailable
from features.scenario import Scenario
from models import persistence
from models.estimator import ResidualRegressor
from models.fitting import fit_predictor
from models.persistence import ARRAYS, DIGESTS, MANIFEST, load_predictor, save_predictor

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


def sealed(folder):
    """The digests of a folder's files written anew: what is in them is another matter."""
    names = (MANIFEST, ARRAYS)
    lines = [f"{sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in names]
    (folder / DIGESTS).write_text("".join(lines))


def rewritten(folder, **changes):
    """The folder's arrays with some in place of others, sealed."""
    with np.load(folder / ARRAYS) as arrays:
        held = {k: arrays[k] for k in arrays.files}
    with (folder / ARRAYS).open("wb") as file:
        np.savez(file, **{k: v for k, v in {**held, **changes}.items() if v is not None})
    sealed(folder)


def test_damage_is_refused(predictor, tmp_path):
    with pytest.raises(ModelUnavailable, match="no model yet"):
        load_predictor(tmp_path)
    save_predictor(predictor, tmp_path)
    for name in (ARRAYS, MANIFEST, DIGESTS):
        whole = (tmp_path / name).read_bytes()
        flipped = whole[:50] + bytes([whole[50] ^ 1]) + whole[51:]
        for damage in (whole[:-100], whole[: len(whole) // 2], flipped, b"", b"\xff" * 5000):
            (tmp_path / name).write_bytes(damage)
            with pytest.raises(ModelUnavailable, match=r"damaged|refused"):
                load_predictor(tmp_path)
        (tmp_path / name).unlink()
        with pytest.raises(ModelUnavailable, match=f"{name} is missing"):
            load_predictor(tmp_path)
        (tmp_path / name).write_bytes(whole)
    assert load_predictor(tmp_path).version == predictor.version


def test_strangers_are_refused(predictor, tmp_path):
    save_predictor(predictor, tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    for text, said in (
        (json.dumps({**manifest, "format": "other"}), "format"),
        (json.dumps({**manifest, "columns": ["runtime"]}), "encoding"),
        ("{", "cannot be read"),
        ("[" * 100_000, "cannot be read"),
        (json.dumps({**manifest, "records": []}), "damaged"),
        (json.dumps({**manifest, "narrowing": None}), "damaged"),
        (json.dumps({**manifest, "positions": {"exit/of_nothing": 1.0}}), "damaged"),
    ):
        (tmp_path / MANIFEST).write_text(text)
        sealed(tmp_path)
        with pytest.raises(ModelUnavailable, match=said):
            load_predictor(tmp_path)


def test_a_file_without_an_end_is_not_read(predictor, tmp_path, monkeypatch):
    save_predictor(predictor, tmp_path)
    monkeypatch.setitem(persistence.MAX_BYTES, ARRAYS, 1000)
    with pytest.raises(ModelUnavailable, match="larger than 1000 bytes"):
        load_predictor(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": np.array([{"a": 1}], dtype=object)},
        {"alpha": np.array(["x"])},
        {"alpha": np.array([np.nan])},
        {"alpha": np.ones(3)},
        {"alpha": None},
        {"more": np.ones(3)},
        {"encoding": np.ones((2, 2))},
    ],
    ids=["pickled", "text", "nan", "short", "missing", "unknown", "shape"],
)
def test_arrays_that_are_not_a_predictors_are_refused(predictor, tmp_path, changes):
    save_predictor(predictor, tmp_path)
    rewritten(tmp_path, **changes)
    with pytest.raises(ModelUnavailable, match="damaged"):
        load_predictor(tmp_path)


def test_packed_arrays_are_refused(predictor, tmp_path):
    """A packed file may unfold into more than the memory there is."""
    save_predictor(predictor, tmp_path)
    with np.load(tmp_path / ARRAYS) as arrays:
        np.savez_compressed(tmp_path / ARRAYS, **{k: arrays[k] for k in arrays.files})
    sealed(tmp_path)
    with pytest.raises(ModelUnavailable, match="packed"):
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
