"""Many rows: the sample, the sums and their predictor, whatever the pieces and interruptions."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.columns import measurement_kinds, read_measured
from datasets.row import record_from_measurement
from datasets.shipped import measured
from datasets.table import read_measurements, write_measurements
from features.chunks import pieces, read_chunks
from features.columns import coded
from features.encoder import encode
from features.errors import InvalidInput, NotStored
from features.scenario import Scenario
from models.basis_fitting import Sample, fit_sample, make_scheme
from models.estimator import ResidualRegressor
from models.executor import executor
from models.kernel import Amplitudes
from models.rows import make_rows
from training import evaluation, fleet, kept_sums, teach_fleet
from training.card_page import card_page
from training.cli import train
from training.fleet import fit_fleet, fold_of, own_rows
from training.fleet_evaluation import SAMPLED
from training.kept_sums import KeptSums
from training.looking import look
from training.sampling import SourceSample, content_keys
from training.sizing import EXACT_ROWS, basis_pieces
from training.summing import Settled, add_up, rows_of

from .law import law_measurements

HOST = {"cores": 8, "memory_gb": 32, "network_gbps": 10, "storage_iops": 200_000}
SEEN = ("sysbench_vbox_kvm2023", "felter2015")


@contextmanager
def no_progress(*_):
    yield lambda _: None


def to_parquet(path, rows):
    """The rows with numbers as numbers, as a fleet's telemetry would have them."""
    records = [record_from_measurement(row) for row in rows]
    names = [*("source", "runtime", "workload", "cores", "retained", "resource")]
    names += ["spread", "repeats", "caution", "baseline_runtime"]
    kinds = measurement_kinds()
    columns = {
        name: [(float(r[name]) if kinds[name] else r[name]) if name in r else None for r in records]
        for name in names
    }
    pq.write_table(pa.table(columns), path, row_group_size=100)


@pytest.fixture(scope="module")
def told():
    """Rows of the law, some measured against another runtime, some under a caution."""
    rows = law_measurements(sources=30)
    rows[5] = replace(rows[5], baseline=replace(rows[5].scenario, runtime="container"))
    rows[7] = replace(rows[7], caution="loopback", spread=0.2, repeats=4)
    return rows


@pytest.fixture(scope="module")
def folder(told, tmp_path_factory):
    """The same rows as three Parquet files."""
    folder = tmp_path_factory.mktemp("fleet")
    to_parquet(folder / "a.parquet", told[:150])
    to_parquet(folder / "b.parquet", told[150:300])
    to_parquet(folder / "c.parquet", told[300:])
    return folder


def parts_of(folder, rows=50):
    return pieces([folder], measurement_kinds(), rows=rows)


def test_a_key_is_of_the_content_alone():
    numbers = {"cores": np.array([8.0, np.nan, 4.0]), "runtime": coded(np.array(["vm"] * 3, "O"))}
    text = {
        "runtime": np.array(["vm", "vm", "vm"], "O"),
        "cores": np.array(["8", "", "4.0"], "O"),
        "unit": np.array([None, "", None], "O"),
    }
    keys = content_keys(numbers, 3)
    assert keys.tolist() == content_keys(text, 3).tolist()
    assert len(set(keys.tolist())) == 3
    swapped = {"memory_gb": numbers["cores"], "runtime": numbers["runtime"]}
    assert keys[0] != content_keys(swapped, 3)[0]


@settings(max_examples=30, deadline=None)
@given(
    sources=st.lists(st.integers(0, 12), min_size=1, max_size=120),
    size=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_the_sample_is_the_same_whatever_the_chunks(sources, size, seed):
    rng = np.random.default_rng(seed)
    names = np.array([f"s{s}" for s in sources], "O")
    keys = rng.integers(0, 2**63, len(names)).astype(np.uint64)

    def offered(order):
        found = SourceSample(size)
        for part in np.array_split(order, rng.integers(1, 6)):
            one = SourceSample(size)
            if len(part):
                one.offer(coded(names[part]), keys[part], lambda i, part=part: {"row": part[i]})
            found.add(one)
        return found

    whole = offered(np.arange(len(names)))
    again = offered(rng.permutation(len(names)))
    assert [r["row"] for r in whole.records()] == [r["row"] for r in again.records()]
    counts = {s: len(rows) for s, rows in whole.drawn.items()}
    assert len(counts) == min(size, len(set(sources)))
    assert sum(counts.values()) <= max(size, 1)


def test_a_first_pass_counts_and_knows_what_was_measured(told, folder):
    found = [look(60, part) for part in parts_of(folder)]
    for other in found[1:]:
        found[0].add(other)
    looked = found[0]
    assert looked.rows == len(told)
    assert looked.counts["source07"] == sum(m.source == "source07" for m in told)
    assert ("gvisor", "web.static") in looked.known.pairs
    assert len(looked.mechanisms) == len({m.scenario.runtime for m in told})
    assert len(looked.sample.records()) == 60


def test_a_bad_row_is_named_by_file_and_row(told, tmp_path):
    bad = [*told[:70], replace(told[70], retained=-1.0), *told[71:90]]
    write_measurements(tmp_path / "bad.csv", bad)
    first, second, third = pieces([tmp_path / "bad.csv"], measurement_kinds(), rows=30)
    assert look(20, first).rows == look(20, second).rows == 30
    with pytest.raises(InvalidInput, match=r"bad.csv, row 72: retained: must be"):
        look(20, third)


def test_rows_of_columns_are_those_of_measurements(told, folder):
    codes = {name: i for i, name in enumerate(sorted({m.source for m in told}))}
    source = [codes[m.source] for m in told[:150]]
    want = make_rows(told[:150], source, source)
    sample = Sample(want, (), np.zeros(150, int), None, None, None, Amplitudes(), None)
    scheme = make_scheme(sample, 2, centres=20)
    [part] = pieces([folder / "a.parquet"], measurement_kinds())
    [chunk] = read_chunks(part, measurement_kinds())
    read = read_measured(chunk.frame)
    got, log_priors = rows_of(scheme, read, read.source.each(codes.get, -1))
    assert got.points.encoding == pytest.approx(want.points.encoding, abs=1e-12)
    assert got.noise == pytest.approx(want.noise, rel=1e-12)
    assert got.log_prior == pytest.approx(want.log_prior, abs=1e-12)
    assert got.host_spread == pytest.approx(want.host_spread, abs=1e-12)
    assert got.log_retained == pytest.approx(want.log_retained, abs=1e-12)
    assert got.baseline.tolist() == want.baseline.tolist() == [5]
    assert got.points.source.tolist() == source
    assert got.points.resource.tolist() == want.points.resource.tolist()
    assert log_priors == pytest.approx(np.repeat(want.log_prior[:, None], 3, axis=1), abs=1e-12)
    folds = {name: code % 2 for name, code in codes.items()}
    whole = add_up(Settled(scheme, codes, folds), part)
    parted = add_up(Settled(scheme, codes, folds), parts_of(folder / "a.parquet", 40)[0])
    for more in parts_of(folder / "a.parquet", 40)[1:]:
        parted.add(add_up(Settled(scheme, codes, folds), more))
    assert parted.rows == whole.rows == 150
    assert parted.among == pytest.approx(whole.among, rel=1e-8, abs=1e-8)
    assert parted.target == pytest.approx(whole.target, rel=1e-8, abs=1e-8)


class Dying:
    """An executor that is interrupted when it has handed out so many sums."""

    def __init__(self, run, after):
        self.run, self.after, self.asked = run, after, []

    def map(self, function, items, *, shared=None, step=None):
        items = list(items)
        self.asked.append((function.__name__, len(items)))
        for done, found in enumerate(self.run.map(function, items, shared=shared, step=step)):
            if function is add_up and done == self.after:
                raise KeyboardInterrupt
            yield found


@pytest.fixture(scope="module")
def few():
    """Few shipped rows beside the fleet's, for speed."""
    return [m for m in measured() if m.source in SEEN]


@pytest.fixture(scope="module")
def fleets(folder, few, home):
    """The same fleet fitted at once, and after an interruption; and how many pieces each asked."""
    with pytest.MonkeyPatch.context() as patch, executor(jobs=1) as run:
        patch.setattr("training.corpus.measured", lambda: few)
        patch.setattr(fleet, "measured", lambda: few)
        patch.setattr(fleet, "SAMPLE_ROWS", 120)
        patch.setattr(kept_sums, "_EVERY_S", 0.0)
        # What is asked here is of the passes: the same sample is fitted once.
        found = []

        def fitted(*rows, **named):
            found.append(found[0] if found else fit_sample(*rows, **named))
            return found[0]

        patch.setattr(fleet, "fit_sample", fitted)
        once = Dying(run, None)
        whole = fit_fleet(parts_of(folder), once, no_progress)
        dying, again = Dying(run, 3), Dying(run, None)
        with pytest.raises(KeyboardInterrupt):
            fit_fleet(parts_of(folder), dying, no_progress)
        kept = sorted((home / "sums").iterdir())
        resumed = fit_fleet(parts_of(folder), again, no_progress)
        left = sorted((home / "sums").iterdir())
    return whole, resumed, once.asked, again.asked, kept, left


def test_an_interrupted_pass_goes_on_and_comes_to_the_same(fleets):
    whole, resumed, once, again, kept, left = fleets
    parts = dict(once)["add_up"]
    assert dict(again) == {"look": parts, "add_up": parts - 3}
    assert len(kept) == 1
    assert left == []
    assert resumed.predictor.alpha == pytest.approx(whole.predictor.alpha, rel=1e-8, abs=1e-8)
    assert resumed.predictor.precision == pytest.approx(whole.predictor.precision, rel=1e-8)


def test_the_law_of_the_fleet_is_learned(fleets, told):
    whole = fleets[0]
    assert whole.rows == len(told)
    assert whole.sources == 30
    assert {whole.corpus.measurements[i].source for i in own_rows(whole.corpus)} == {
        m.source for m in told
    }
    [asked] = whole.predictor.predict([Scenario("gvisor", "web.static", **HOST)])
    assert asked.residual_factor == pytest.approx(np.exp(-0.5), rel=0.2)
    assert asked.interval[0] < asked.retained < asked.interval[1]
    assert not asked.novelty.extrapolating


def test_a_source_is_in_the_same_fold_whatever_others_there_are():
    folds = [fold_of(f"host{i}") for i in range(400)]
    assert fold_of("host7") == folds[7]
    assert min(np.bincount(folds, minlength=fleet.FOLDS)) > 25


@pytest.fixture(scope="module")
def recorded(fleets, folder):
    """What a run puts on record, with the quick rivals alone."""
    told = {}
    quick = {"constant", "runtime-mean"}
    rivals = evaluation._rivals
    with pytest.MonkeyPatch.context() as patch, executor(jobs=1) as run:
        patch.setattr(teach_fleet, "fit_fleet", lambda *_, **__: fleets[0])
        patch.setattr(
            evaluation, "_rivals", lambda c: {k: v for k, v in rivals(c).items() if k in quick}
        )
        names = ("corpus", "evaluation", "predictor", "parameters")
        patch.setattr(
            teach_fleet, "record", lambda *given: told.update(zip(names, given, strict=False))
        )
        teach_fleet.train_fleet(parts_of(folder), run, no_progress)
    return told


def test_a_run_says_what_kind_of_model_it_was_and_how_it_was_judged(recorded):
    document = recorded["evaluation"].document(recorded["corpus"])
    assert document["protocol"] == recorded["parameters"]["protocol"] == "lofo-v1"
    models = document["models"]
    assert {"champion", "prior", SAMPLED, "constant", "runtime-mean"} == set(models)
    assert models["champion"]["error_by_source"] < models["prior"]["error_by_source"]
    assert 0.8 <= models["champion"]["coverage"] <= 1.0
    card = recorded["predictor"].card
    assert card["model"]["kind"] == recorded["parameters"]["model.kind"] == "basis"
    assert card["model"]["centres"] == len(recorded["predictor"].rows)
    assert f"{card['model']['centres']} centres, from sums over 360 rows of 30 sources" in (
        card_page(card, "1", "today")
    )


def test_its_regressor_says_what_the_predictor_says(recorded):
    predictor = recorded["predictor"]
    asked = [Scenario(r, "web.static", **HOST) for r in ("gvisor", "vm")]
    encoding, _ = encode(asked, predictor.constants)
    said = ResidualRegressor.from_predictor(predictor).predict(encoding)
    assert np.exp(said) == pytest.approx([p.retained for p in predictor.predict(asked)])


def test_the_exact_model_is_chosen_for_few_rows_and_the_basis_for_many(folder, tmp_path, told):
    assert basis_pieces([folder], "auto") is None
    assert sum(p.rows for p in basis_pieces([folder], "basis")) == len(told)
    rows = [replace(told[i % len(told)], source=f"m{i}", id=str(i)) for i in range(EXACT_ROWS + 1)]
    write_measurements(tmp_path / "many.csv", rows)
    assert basis_pieces([tmp_path / "many.csv"], "auto") is not None
    assert basis_pieces([tmp_path / "many.csv"], "exact") is None
    with pytest.raises(InvalidInput, match="model: unknown model 'large'"):
        basis_pieces([folder], "large")
    with pytest.raises(InvalidInput, match="scheduler: is for the basis model"):
        train(measurements=[folder], scheduler="tcp://127.0.0.1:1")


def test_the_exact_model_reads_parquet_as_well(folder, told):
    found = read_measurements(folder)
    assert [(m.source, m.scenario, m.retained) for m in found] == [
        (m.source, m.scenario, m.retained) for m in told
    ]


@pytest.fixture
def kept(told, folder, home):  # noqa: ARG001
    """Sums that are kept at once, of pieces of the folder."""
    codes = {name: i for i, name in enumerate(sorted({m.source for m in told}))}
    source = [codes[m.source] for m in told[:60]]
    rows = make_rows(told[:60], source, source)
    sample = Sample(rows, (), np.zeros(60, int), None, None, None, Amplitudes(), None)
    settled = Settled(make_scheme(sample, 2, centres=8), codes, dict.fromkeys(codes, 0))
    sums = add_up(settled, parts_of(folder)[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_sums, "_EVERY_S", 0.0)
        made = KeptSums(parts_of(folder), settled)
        yield made, sums, lambda rows: KeptSums(parts_of(folder, rows), settled)
        made.forget()


def test_what_is_kept_is_read_again_and_is_of_these_pieces_alone(kept):
    made, sums, of_pieces = kept
    made.keep(sums, 1)
    again, done = of_pieces(50).load()
    assert done == 1
    assert again.among == pytest.approx(sums.among, abs=0)
    assert of_pieces(70).load()[1] == 0


def test_damaged_sums_are_taken_for_none(kept, home):
    made, sums, _ = kept
    made.keep(sums, 1)
    [path] = (home / "sums").glob("*.npz")
    path.write_bytes(path.read_bytes()[:1000])
    assert made.load()[1] == 0


def test_a_full_disk_is_told_in_a_line_and_what_was_kept_stays(kept, home, monkeypatch):
    made, sums, _ = kept
    made.keep(sums, 1)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("features.files.os.replace", full)
    with pytest.raises(NotStored, match="cannot be kept: there is no room on the disk"):
        made.keep(sums, 2)
    assert made.load()[1] == 1
    assert len(list((home / "sums").iterdir())) == 1
