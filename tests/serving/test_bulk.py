"""Tables scored at any length: the answers of predict, bad rows, faults, going on."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from features import chunks
from features.errors import InvalidInput
from serving import bulk, parts
from serving.answers import answer
from serving.bulk import make_plan, run_plan
from serving.commands import Bulk
from serving.flat import question_from_flat
from tests.serving.test_cli import run

ROOT = Path(__file__).resolve().parents[2]
ROWS = 500


def fleet(size=ROWS, seed=0):
    """A table of questions: parts of hosts unknown, options, levels, native values."""
    rng = np.random.default_rng(seed)
    runtime = rng.choice(["vm", "gvisor", "native", "container"], size)
    unit = rng.choice(["", "ms", "req/s"], size)
    rows = [
        {
            "runtime": str(runtime[i]),
            "workload": str(rng.choice(["web", "database.kv", "hpc"])),
            "cores": int(rng.integers(1, 64)),
            "memory_gb": float(rng.uniform(1, 512)) if rng.random() < 0.6 else None,
            "page_size": "2m" if runtime[i] == "vm" and rng.random() < 0.5 else None,
            "level": 0.6 if rng.random() < 0.3 else None,
            "native_value": 1e4 if unit[i] else None,
            "unit": str(unit[i]) or None,
            "native_cores": 4.0 if unit[i] == "req/s" and i % 3 else None,
        }
        for i in range(size)
    ]
    return pa.Table.from_pylist(rows)


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few rows, so that a small table has several."""

    def plan(*arguments, rows=60, **options):
        with monkeypatch.context() as patched:
            patched.setattr(bulk, "pieces", lambda *a, **k: chunks.pieces(*a, **k, rows=rows))
            return make_plan(*arguments, **options)

    return plan


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "fleet.parquet"
    pq.write_table(fleet(), path, row_group_size=70)
    return path


def score(plan, predictor):
    said = []
    return run_plan(plan, predictor, Bulk(jobs=1), note=said.append), said


def left(folder):
    return sorted(p.name for p in folder.iterdir())


def told(plan, predictor):
    with pytest.raises(InvalidInput) as caught:
        score(plan, predictor)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_scores_are_the_answers(tmp_path, table, predictor, small_pieces):
    target = tmp_path / "scored.parquet"
    outcome, said = score(small_pieces(table, target, {"network_gbps": "10"}), predictor)
    assert (outcome.rows, outcome.skipped, said) == (ROWS, 0, [])
    assert left(tmp_path) == ["fleet.parquet", "scored.parquet"]
    made, asked = pq.read_table(target), fleet()
    answers = [name for name in bulk.ANSWER_COLUMNS if name != "level"]
    assert made.column_names == [*asked.column_names, *answers]
    read = asked.drop_columns(["level"])
    assert made.select(read.column_names).equals(read)
    rows = [{k: v for k, v in row.items() if v is not None} for row in asked.to_pylist()]
    questions = [question_from_flat({**row, "network_gbps": 10.0}) for row in rows]
    for found, record in zip(made.to_pylist(), answer(predictor, questions), strict=True):
        numbers = [found[k] for k in ("retained", "interval_low", "interval_high", "level")]
        expected = [record["retained"], *record["interval"], record["level"]]
        assert numbers == pytest.approx(expected, rel=1e-9)
        assert found["novelty"] == pytest.approx(record["novelty"]["score"], rel=1e-9)
        assert found["extrapolating"] == record["novelty"]["extrapolating"]
        assert found["value"] == (
            pytest.approx(record["value"], rel=1e-9) if "value" in record else None
        )
        assert found["model_version"] == "7"


def test_a_table_goes_from_any_kind_to_any_other(tmp_path, table, predictor, small_pieces):
    folder, scored = tmp_path / "fleet", tmp_path / "scored"
    (folder / "west").mkdir(parents=True)
    asked = fleet()
    pa.csv.write_csv(asked.slice(0, 200), folder / "a.csv")
    # Numbers of another width, and a column that says nothing: the same table.
    wide = asked.slice(200).set_column(2, "cores", asked["cores"].slice(200).cast("float32"))
    pq.write_table(wide, folder / "west" / "b.parquet")
    score(small_pieces(table, tmp_path / "one.parquet", {}), predictor)
    score(small_pieces(folder, scored, {}), predictor)
    score(small_pieces(folder, tmp_path / "two.parquet", {}), predictor)
    score(small_pieces(table, tmp_path / "three.csv", {}), predictor)
    one, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert left(scored) == ["a.csv.parquet", "west"]
    files = [scored / "a.csv.parquet", scored / "west" / "b.parquet"]
    apart = [pq.read_table(file).to_pylist() for file in files]
    assert [len(rows) for rows in apart] == [200, 300]
    written = pa.csv.read_csv(tmp_path / "three.csv")
    for name in bulk.ANSWER_COLUMNS[:5]:
        expected = one[name].to_numpy()
        np.testing.assert_array_equal(two[name].to_numpy(), expected)
        np.testing.assert_array_equal([row[name] for rows in apart for row in rows], expected)
        np.testing.assert_allclose(written[name].to_numpy(), expected, rtol=1e-12)
    assert two["cores"].to_pylist() == one["cores"].to_pylist()


class TestBadRows:
    @pytest.fixture
    def wrong(self, tmp_path):
        rows = fleet().to_pylist()
        rows[130]["cores"], rows[131]["runtime"], rows[310]["unit"] = 0, "gvisr", None
        rows[310]["native_value"] = 3.0
        path = tmp_path / "fleet.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path

    def test_one_stops_the_run_and_is_named(self, tmp_path, wrong, predictor, small_pieces):
        said = told(small_pieces(wrong, tmp_path / "scored.parquet", {}), predictor)
        assert said.startswith(f"{wrong}, row 131: cores: must be 1 to 4096, not 0; ")
        assert "row 132, runtime: unknown runtime 'gvisr'; did you mean gvisor?" in said
        assert not (tmp_path / "scored.parquet").exists()

    def test_they_are_left_out_and_told_apart(self, tmp_path, wrong, predictor, small_pieces):
        target = tmp_path / "scored.parquet"
        told(small_pieces(wrong, target, {}), predictor)
        outcome, _ = score(small_pieces(wrong, target, {}, skip_bad_rows=True), predictor)
        # What was scored before the bad row is not scored again.
        assert (outcome.rows, outcome.skipped, outcome.kept) == (ROWS - 3, 3, 120)
        with (tmp_path / "scored.parquet.bad.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["row"] for row in rows] == ["131", "132", "311"]
        assert rows[0]["problem"] == "cores: must be 1 to 4096, not 0"
        assert rows[1]["runtime"] == "gvisr"
        assert rows[2]["problem"].startswith("unit: is required with native_value")
        good = tmp_path / "good.parquet"
        kept = [r for i, r in enumerate(fleet().to_pylist()) if i not in (130, 131, 310)]
        pq.write_table(pa.Table.from_pylist(kept), good)
        score(small_pieces(good, tmp_path / "other.parquet", {}), predictor)
        assert pq.read_table(target).equals(pq.read_table(tmp_path / "other.parquet"))
        # What a run without bad rows leaves is not that of the one before.
        pq.write_table(fleet(), wrong)
        score(small_pieces(wrong, target, {}, skip_bad_rows=True), predictor)
        assert not (tmp_path / "scored.parquet.bad.csv").exists()

    def test_text_among_the_numbers_of_a_csv_is_one(self, tmp_path, predictor, small_pieces):
        path, target = tmp_path / "fleet.csv", tmp_path / "scored.parquet"
        lines = ["runtime,workload,cores", *["vm,web,4"] * 99, "vm,web,many", *["vm,web,8"] * 50]
        path.write_text("\n".join(lines))
        said = told(small_pieces(path, target, {}), predictor)
        assert said == f"{path}, row 101: cores: a number is needed, not 'many'"
        score(small_pieces(path, target, {}, skip_bad_rows=True), predictor)
        assert pq.read_table(target)["cores"].to_pylist() == [4.0] * 99 + [8.0] * 50


class TestFaults:
    def test_a_corrupt_file_among_good_ones_is_told_before_any_work(self, tmp_path, small_pieces):
        folder = tmp_path / "fleet"
        folder.mkdir()
        for name in "abc":
            pq.write_table(fleet(50), folder / f"{name}.parquet")
        (folder / "b.parquet").write_bytes((folder / "b.parquet").read_bytes()[:-9])
        with pytest.raises(InvalidInput) as caught:
            small_pieces(folder, tmp_path / "scored.parquet", {})
        assert str(caught.value).startswith(f"{folder / 'b.parquet'}: file: is not a Parquet file")
        assert left(tmp_path) == ["fleet"]

    @pytest.mark.parametrize("kind", ["interrupt", "full disk"])
    def test_a_run_goes_on_where_it_stopped(
        self, tmp_path, table, predictor, small_pieces, monkeypatch, kind
    ):
        whole, target = tmp_path / "whole.parquet", tmp_path / "scored.parquet"
        score(small_pieces(table, whole, {}), predictor)
        plan = small_pieces(table, target, {})
        written = []

        def failing(made, file):
            if len(written) == 3:
                file.write(b"half of it")
                full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                raise KeyboardInterrupt if kind == "interrupt" else full
            written.append(made)
            pq.write_table(made, file)

        with monkeypatch.context() as patched:
            patched.setattr(parts, "write_table", failing)
            if kind == "interrupt":
                with pytest.raises(KeyboardInterrupt):
                    score(plan, predictor)
            else:
                assert told(plan, predictor) == f"output: {target}: No space left on device"
        assert not target.exists()
        (state,) = (p for p in tmp_path.iterdir() if p.name.endswith(".parts"))
        assert left(state) == [f"{n:08d}.parquet" for n in range(3)]
        outcome, said = score(plan, predictor)
        assert (outcome.kept, outcome.rows) == (180, ROWS)
        assert said == ["going on: 180 of 500 rows are scored already"]
        assert target.read_bytes() == whole.read_bytes()
        assert not state.exists()

    def test_parts_of_another_input_are_not_used(
        self, tmp_path, table, predictor, small_pieces, monkeypatch
    ):
        target = tmp_path / "scored.parquet"
        plan = small_pieces(table, target, {})
        made = bulk.score_piece
        with monkeypatch.context() as patched:
            patched.setattr(bulk, "score_piece", lambda task, item: made(task, item) and 1 / 0)
            with pytest.raises(ZeroDivisionError):
                score(plan, predictor)
        pq.write_table(fleet(seed=1), table)
        outcome, said = score(small_pieces(table, target, {}), predictor)
        assert outcome.kept == 0
        (note,) = said
        assert note.endswith(".parts is of another input, model or options: not used")
        assert pq.read_table(target)["cores"].equals(fleet(seed=1)["cores"])


@pytest.mark.usefixtures("home")
class TestCommand:
    def test_json_is_one_document(self, tmp_path, table):
        target = tmp_path / "scored.parquet"
        arguments = ["predict", "--input", str(table), "--output", str(target), "--jobs", "1"]
        document = json.loads(run(*arguments, "--json"))
        assert document["rows"] == ROWS
        assert document["model"]["version"] == "7"
        assert "500 rows in " in run(*arguments)

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--input", "fleet.parquet"], "output: is required"),
            (["--input", "fleet.parquet", "--output", "other"], "ends in .parquet or .csv"),
            (["--input", "fleet.parquet", "--output", "no/a.parquet"], "no such folder"),
            (["--input", ".", "--output", "a.parquet"], "is in the input"),
            (["--input", "none.parquet", "--output", "a.parquet"], "No such file"),
            (["--input", "fleet.parquet", "--output", "fleet.parquet"], "is the input"),
            (["--input", "fleet.parquet", "--output", "a.parquet", "--jobs", "0"], "jobs: must be"),
            (["--input", "fleet.parquet", "--output", "a.parquet", "--level", "x"], "level: a num"),
            (["--runtime", "vm", "--workload", "web", "--jobs", "2"], "jobs: goes with a folder"),
        ],
    )
    def test_what_cannot_be_is_told(self, tmp_path, table, monkeypatch, arguments, said):
        monkeypatch.chdir(tmp_path)
        before = table.read_bytes()
        with pytest.raises(InvalidInput, match=said):
            run("predict", *arguments)
        assert table.read_bytes() == before

    def test_ctrl_c_stops_every_process_and_the_same_command_goes_on(self, tmp_path, home):
        path, target = tmp_path / "fleet.parquet", tmp_path / "scored.parquet"
        pq.write_table(pa.concat_tables([fleet(1000)] * 140).drop_columns("native_cores"), path)
        command = [sys.executable, "-m", "nearmetal", "predict", "--jobs", "2"]
        command += ["--input", str(path), "--output", str(target), "--memory-gb", "64"]
        command += ["--network-gbps", "10", "--storage-iops", "1e5"]
        environment = {**os.environ, "BENTOML_HOME": str(home), "NEARMETAL_HOME": str(tmp_path)}
        options = {"cwd": ROOT, "env": environment, "stderr": subprocess.PIPE, "text": True}
        first = subprocess.Popen(command, start_new_session=True, **options)
        while not list(tmp_path.glob(".scored.*.parts/*.parquet")):
            assert first.poll() is None, first.stderr.read()
            time.sleep(0.02)
        os.killpg(first.pid, signal.SIGINT)
        said = first.communicate(timeout=60)[1]
        assert first.returncode == 130
        assert "rows are kept: the same command goes on from there" in said
        assert "Traceback" not in said
        deadline = time.monotonic() + 30
        while _is_anyone_left(first.pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert not target.exists()
        again = subprocess.run(command, timeout=120, check=True, **options)
        assert "rows are scored already" in again.stderr
        scores = pq.read_table(target)["retained"].to_numpy().reshape(140, 1000)
        np.testing.assert_allclose(scores, np.broadcast_to(scores[0], scores.shape), rtol=1e-9)
        assert not list(tmp_path.glob(".scored.*"))


def _is_anyone_left(group):
    """Whether a process of the group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
