"""The comparison with peers keeps its protocol, and its models do what they say, on a known law."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest

from tests.benchmarks import c3o
from tests.benchmarks.c3o_data import (
    JOBS,
    PUBLISHED_FEW,
    BenchmarkError,
    design_rows,
    published_scope,
    read_job,
    splits,
)
from tests.benchmarks.c3o_models import (
    Boosting,
    Ernest,
    PriorAndResidual,
    ernest_terms,
    fit_ernest,
    task_waves,
)

# Ernest's coefficients of the made-up jobs: 1, data / instances, log(instances), instances.
LAW = np.array([20.0, 0.05, 6.0, 1.5])


def made_up_runs(job, *, structure: float, noise: float = 0.0) -> pd.DataFrame:
    """Three runs of each configuration by Ernest's law times a power of the last parameter."""
    rng = np.random.default_rng(3)
    rows = []
    grid = product((2, 4, 6, 8, 12), (4000.0, 9000.0, 15000.0), (0.25, 0.5, 1.0), range(3))
    for n, data, value, _ in grid:
        time_s = LAW @ [1.0, data / n, np.log(n), n] * value**structure
        # Parameters beyond the last play no part.
        parameters = dict.fromkeys(job.parameters, 1.0) | {job.parameters[-1]: value}
        rows.append(
            {
                "instance_count": n,
                "machine_type": "m4.2xlarge",
                "slots": 8 * n,
                "memory": 32000 * n,
                "data_size_MB": data,
                **parameters,
                "gross_runtime": time_s * np.exp(noise * rng.standard_normal()),
            }
        )
    return pd.DataFrame(rows)


def written(folder, **law):
    for job in JOBS:
        made_up_runs(job, **law).to_csv(folder / f"{job.name}.csv", index=False)
    return folder


@pytest.fixture
def plain(tmp_path):
    return read_job(written(tmp_path, structure=0.0), JOBS[0])


@pytest.fixture
def structured(tmp_path):
    return read_job(written(tmp_path, structure=0.5, noise=0.01), JOBS[0])


def test_repeats_become_one_configuration(plain):
    assert len(plain) == 45
    keys = np.column_stack([plain.instances, plain.data_mb, plain.parameters])
    assert len(np.unique(keys, axis=0)) == len(plain)
    assert plain.spread == pytest.approx(0.0)


def test_no_configuration_is_on_both_sides_of_a_split(structured):
    keys = np.column_stack([structured.instances, structured.data_mb, structured.parameters])
    for few in (None, 6, 30):
        for train, test in splits(len(structured), 5, train=few):
            known = {tuple(k) for k in keys[train]}
            assert known.isdisjoint(tuple(k) for k in keys[test])
            assert len(train) + len(test) == len(structured)
            assert len(train) == few or len(test) == round(len(structured) / 10)


def test_splits_are_the_same_each_time_and_differ_from_each_other():
    once, again = list(splits(50, 3)), list(splits(50, 3))
    for (_, one), (_, other) in zip(once, again, strict=True):
        assert np.array_equal(one, other)
    assert not np.array_equal(once[0][1], once[1][1])
    assert design_rows(90).sum() == 60


def test_the_published_scope_is_one_machine_type_and_what_fits_in_memory(structured):
    mixed = structured.take(np.r_[0:45, 0:9])
    mixed.machine[45:] = "r4.xlarge"
    kmeans = next(j for j in JOBS if j.name == "kmeans")
    kept = mixed.take(published_scope(mixed, kmeans))
    assert set(kept.machine) == {"m4.2xlarge"}
    assert kept.instances.min() == 4
    assert 2 in mixed.take(published_scope(mixed, JOBS[0])).instances


def test_ernest_recovers_its_own_law(plain):
    for relative in (False, True):
        assert fit_ernest(plain, relative=relative) == pytest.approx(LAW, rel=1e-6)
    train, test = next(splits(len(plain), 1))
    predicted = Ernest().fit(plain.take(train)).predict(plain.take(test))
    assert predicted == pytest.approx(plain.runtime_s[test])
    assert ernest_terms(plain) @ LAW == pytest.approx(plain.runtime_s)


def test_the_residual_beats_its_rivals_where_it_has_structure(structured):
    train, test = next(splits(len(structured), 1, train=36))
    known, asked = structured.take(train), structured.take(test)
    errors = {
        type(model).__name__: np.abs(model.fit(known).predict(asked) / asked.runtime_s - 1).mean()
        for model in (Ernest(), Boosting(), PriorAndResidual())
    }
    assert errors["PriorAndResidual"] < 0.02
    assert errors["PriorAndResidual"] < 0.1 * errors["Ernest"]
    assert errors["PriorAndResidual"] < errors["Boosting"]


def test_intervals_hold_what_they_promise(structured):
    train, test = next(splits(len(structured), 1, train=20))
    model = PriorAndResidual().fit(structured.take(train)).conformalize(structured.take(train))
    asked = structured.take(test)
    low, high = model.interval(asked)
    held = (asked.runtime_s >= low) & (asked.runtime_s <= high)
    assert held.mean() >= 0.8
    narrow_low, narrow_high = model.interval(asked, 0.5)
    assert np.all(narrow_high / narrow_low < high / low)


def test_a_round_of_tasks_is_whole():
    data, slots = np.array([80 * 128.0, 80 * 128.0 + 1, 160 * 128.0]), np.array([80.0, 80, 80])
    assert task_waves(data, slots) == pytest.approx([1, 2, 2])


def test_the_published_figures_are_complete():
    assert [j.name for j in JOBS] == ["sort", "grep", "sgd", "kmeans", "pagerank"]
    for job in JOBS:
        assert list(job.published) == ["Ernest", "GBM", "C3O"]
        assert all(0 < e < 100 for e in job.published.values())
    assert [j.target for j in JOBS] == [2.61, 2.74, 2.25, 2.17, 2.71]
    assert list(PUBLISHED_FEW) == [6, 12, 30]


def test_a_missing_folder_is_one_clear_line(tmp_path, capsys):
    assert c3o.main([str(tmp_path / "nowhere")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "no sort.csv in" in told.err


def test_a_table_without_its_columns_is_named(tmp_path):
    pd.DataFrame({"instance_count": [2]}).to_csv(tmp_path / "sort.csv", index=False)
    with pytest.raises(BenchmarkError, match=r"sort.csv lacks machine_type, .*gross_runtime"):
        read_job(tmp_path, JOBS[0])


def test_the_runner_answers_in_one_document_and_in_a_table(tmp_path, capsys):
    folder = written(tmp_path, structure=0.5, noise=0.01)
    command = [str(folder), "--splits", "1", "--few-splits", "1", "--jobs", "1"]
    assert c3o.main([*command, "--scope", "all", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["jobs"]) == {j.name for j in JOBS}
    for record in document["jobs"].values():
        assert record["prior_and_gp"] < record["ernest"]
        assert set(record["few"]) == {"6", "12", "30"}
    text = c3o.report(document)
    assert all(job.title in text for job in JOBS)
