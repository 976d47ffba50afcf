"""Rows by the million: the same for any chunking, written whole, gone on with."""

from __future__ import annotations

import json
import sys
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets import synthesis
from datasets.row import all_columns, measurement_from_record
from datasets.synthetic import draw_scenarios
from datasets.volume import BLOCK, ROW_SPREAD, SOURCE_SPREAD, Law, synthetic_table
from features.errors import InvalidInput
from models.executor import executor
from nearmetal import main

FLEET = Law(seed=7, sources=3)


def frame(law, first, end):
    return synthetic_table(law, (first, end)).to_pandas()


@pytest.fixture(scope="module")
def fleet():
    return frame(FLEET, 0, 6 * BLOCK)


@pytest.fixture(scope="module")
def here():
    with executor(jobs=1) as run:
        yield run


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 6 * BLOCK - 2), st.integers(1, 2 * BLOCK))
def test_a_row_does_not_depend_on_its_chunk(fleet, first, count):
    end = min(first + count, 6 * BLOCK)
    pd.testing.assert_frame_equal(
        frame(FLEET, first, end), fleet[first:end].reset_index(drop=True), check_exact=True
    )


def test_rows_far_along_are_those_of_the_sequence():
    far = draw_scenarios(10**7, 50, seed=3)
    assert draw_scenarios(10**7 - 20, 70, seed=3).scenarios[20:] == far.scenarios
    assert draw_scenarios(0, 100, seed=3).scenarios[:37] == draw_scenarios(0, 37, seed=3).scenarios


def test_another_seed_gives_other_rows(fleet):
    other = frame(Law(seed=8, sources=3), 0, 6 * BLOCK)
    assert (other.retained == fleet.retained).mean() < 0.01
    assert (other.memory_gb == fleet.memory_gb).mean() < 0.02


def test_every_row_is_a_measurement(fleet):
    assert set(fleet.columns) <= set(all_columns())
    assert fleet.id.is_unique
    scenarios = draw_scenarios(0, 200, FLEET.seed).scenarios
    for number, cells in enumerate(fleet[:200].to_dict("records")):
        record = {key: str(cell) for key, cell in cells.items() if not pd.isna(cell)}
        row = measurement_from_record(record, str(number))
        assert row.scenario == scenarios[number]
        assert (row.origin, row.baseline, row.unit) == ("synthetic", None, "ops/s")
        assert row.retained == pytest.approx(row.value / row.baseline_value, rel=1e-7)


def test_hosts_err_together_and_rows_scatter():
    """The same scenarios with and without sources: what is left is constants, offset, scatter."""
    law = Law(seed=5, sources=40)
    rows = frame(law, 0, 40 * BLOCK)
    assert rows.source.nunique() == law.sources
    # Where nothing is lost but to the busiest resource, what is off is offset and scatter alone.
    kept = rows[(rows.runtime == "container") & (rows.workload == "cpu.int")]
    by_host = np.log(kept.retained).groupby(kept.source, observed=True)
    assert by_host.mean().std() == pytest.approx(SOURCE_SPREAD, rel=0.5)
    assert by_host.std().median() == pytest.approx(ROW_SPREAD, rel=1.0)
    plain = frame(Law(seed=5), 0, 2 * BLOCK)
    assert set(plain.source) == {"synthetic"}
    assert "spread" not in plain


def test_a_file_and_a_folder_hold_the_same_rows(fleet, here, tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "CHUNK", 2 * BLOCK)
    told = []
    synthesis.synthesize(len(fleet), FLEET, tmp_path / "rows.parquet", here, told.append)
    parts = synthesis.synthesize(len(fleet), FLEET, tmp_path / "rows", here, told.append)
    assert len(parts) == 3
    assert len(told) == 6
    for written in ("rows.parquet", "rows"):
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / written), fleet)


def test_a_folder_is_gone_on_with(fleet, here, tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis, "CHUNK", 2 * BLOCK)

    class Stops:
        def map(self, *given, **named):
            yield from islice(here.map(*given, **named), 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesis.synthesize(len(fleet), FLEET, tmp_path / "rows", Stops(), str)
    first = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "rows").iterdir()}
    assert sorted(first) == ["part-000000.parquet", "part-000001.parquet"]
    told = []
    synthesis.synthesize(len(fleet), FLEET, tmp_path / "rows", here, told.append)
    assert told[:2] == ["kept", "kept"]
    assert len(told) == 3
    assert (
        first.items()
        <= {p.name: p.stat().st_mtime_ns for p in (tmp_path / "rows").iterdir()}.items()
    )
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows"), fleet)

    for rows, law, said in (
        (len(fleet), Law(seed=8, sources=3), "part-000000.parquet holds rows of another seed"),
        (2 * BLOCK, FLEET, "part-000001.parquet is no part of these rows"),
    ):
        with pytest.raises(InvalidInput, match=f"^output: .*{said}"):
            synthesis.synthesize(rows, law, tmp_path / "rows", here, str)
    (tmp_path / "rows" / "part-000001.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InvalidInput, match=r"part-000001.parquet cannot be read \("):
        synthesis.synthesize(len(fleet), FLEET, tmp_path / "rows", here, str)


def test_an_interrupted_file_is_not_there(here, tmp_path):
    class Stops:
        def map(self, *given, **named):
            yield from islice(here.map(*given, **named), 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesis.synthesize(10**6, FLEET, tmp_path / "rows.parquet", Stops(), str)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_what_it_says(tmp_path, monkeypatch, capsys):
    def nearmetal(*words):
        monkeypatch.setattr(sys, "argv", ["nearmetal", "synthesize", "--json", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    options = ("--seed", "7", "--sources", "3", "--output", str(tmp_path / "rows.parquet"))
    code, said, _ = nearmetal("--rows", "1500", "--jobs", "1", *options)
    assert code == 0
    assert json.loads(said)["rows"] == 1500
    assert pq.read_metadata(tmp_path / "rows.parquet").num_rows == 1500
    code, _, said = nearmetal("--rows", "0", *options)
    assert code == 2
    assert json.loads(said)["error"]["details"][0]["field"] == "rows"
