"""The steps of the benchmark, each of which runs in a process of its own and tells its figures."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from datasets.columns import measured_chunks
from datasets.volume import Law, synthetic_table
from features.chunks import Piece
from features.columns import scenario_kinds
from models.basis_fitting import basis_predictor, fit_sample, log_priors_of, make_scheme
from models.evidence import known_of
from models.executor import executor
from models.fitting import fit_predictor
from models.kernel import Amplitudes, mechanism_sets
from models.persistence import load_predictor, save_predictor
from models.rows import Rows
from models.selection import CANDIDATES, leave_out_candidates, score
from models.statistics import Statistics, solve_all
from training.corpus import load_corpus
from training.fleet import FOLDS, Fleet, fit_fleet, fold_of, prepare
from training.looking import look
from training.sizing import measured_pieces
from training.summing import Settled, add_up, rows_of

Figures = dict[str, Any]
Step = Callable[[Path, int, int], Figures]

HOSTS = 200
# The table that a scheme is fitted to where only passes are looked at.
FITTED = 100_000
# All RBF terms take part, so that the number of centres is what is asked for.
DENSE = Amplitudes()
CENTRES = 512
_PER_FILE = 131_072


@contextmanager
def silent(*_: object) -> Iterator[Callable[[str], None]]:
    """Progress that nobody watches."""
    yield lambda _: None


def table_of(folder: Path, rows: int) -> Path:
    """Where the rows of a size lie."""
    return folder / f"rows-{rows}"


def generate(folder: Path, rows: int, times: int) -> Figures:  # noqa: ARG001
    """Write synthetic rows of hosts as if they had been measured."""
    target = table_of(folder, rows)
    target.mkdir()
    law = Law(seed=1, sources=HOSTS)
    start = time.monotonic()
    for first in range(0, rows, _PER_FILE):
        made = synthetic_table(law, (first, min(first + _PER_FILE, rows)))
        place = made.schema.get_field_index("origin")
        made = made.set_column(place, "origin", pa.array(["measured"] * made.num_rows))
        pq.write_table(made, target / f"{first:09d}.parquet")
    return _per_row(rows, time.monotonic() - start)


def one_pass(folder: Path, rows: int, times: int) -> Figures:  # noqa: ARG001
    """Both passes of training over the rows in one process, the sample having been fitted."""
    parts = measured_pieces([table_of(folder, rows)])
    settled = _settled(folder)
    start = time.monotonic()
    for part in parts:
        look(512, part)
    looked = time.monotonic()
    for part in parts:
        add_up(settled, part)
    end = time.monotonic()
    told = _per_row(rows, end - start)
    return {
        **told,
        "checking_us": (looked - start) / rows * 1e6,
        "summing_us": (end - looked) / rows * 1e6,
    }


def train(folder: Path, rows: int, times: int) -> Figures:
    """The whole training but judging and recording, on the cores here, and what is served of it."""
    parts = measured_pieces([table_of(folder, rows)]) * times
    start = time.monotonic()
    with executor() as run:
        fleet = fit_fleet(parts, run, silent, centres=CENTRES, candidates=(DENSE,))
    taken = time.monotonic() - start
    if times == 1:
        save_predictor(fleet.predictor, folder / "predictor")
    return {
        **_per_row(rows * times, taken),
        "centres": len(fleet.predictor.rows),
        "error": _error(fleet),
        "jitter": fleet.jitter,
    }


def score_one(folder: Path, rows: int, times: int, jobs: int = 1) -> Figures:  # noqa: ARG001
    """Score the scenarios of the rows with intervals, Parquet to Parquet."""
    from serving.bulk import make_plan, run_plan
    from serving.commands import Bulk

    source, target = _scenarios(folder, rows), folder / f"scored-{rows}-{jobs}.parquet"
    predictor = load_predictor(folder / "predictor")
    start = time.monotonic()
    plan = make_plan(source, target, {})
    outcome = run_plan(plan, predictor, Bulk(jobs=jobs), note=lambda _: None)
    taken = time.monotonic() - start
    assert outcome.rows == rows
    return _per_row(rows, taken)


def score_two(folder: Path, rows: int, times: int) -> Figures:
    """The same in two processes."""
    return score_one(folder, rows, times, jobs=2)


def accuracy(folder: Path, rows: int, times: int) -> Figures:  # noqa: ARG001
    """Leave-one-source-out of the basis model and of the exact one on the shipped rows."""
    corpus = load_corpus()
    groups, fold = np.unique(corpus.rows.group, return_inverse=True)
    sample, exact = fit_sample(corpus.rows, corpus.records, fold, corpus.scored, corpus.prior)
    scheme = make_scheme(sample, len(groups), centres=CENTRES)
    log_priors = log_priors_of(scheme, sample)
    sums = scheme.sums(corpus.rows, fold, log_priors)
    _, answer = basis_predictor(
        scheme,
        sums,
        sample,
        log_priors,
        known=known_of(corpus.records),
        mechanisms=mechanism_sets(corpus.rows.points.encoding),
        version="0",
        trained_at="",
    )
    keep, group = corpus.scored, corpus.rows.group[corpus.scored]
    mine = score(answer.error(corpus.rows)[keep], group)
    theirs = score(exact.error(corpus.rows)[keep], group)
    return {
        "basis": mine,
        "exact": theirs,
        "ratio": mine / theirs,
        "centres": len(scheme.basis.general),
    }


def crossing(folder: Path, rows: int, times: int) -> Figures:  # noqa: ARG001
    """Fitting so many rows of one's own exactly, as `train` does before it judges, and by the
    basis model."""
    target = table_of(folder, rows)
    target.mkdir()
    whole = pq.read_table(table_of(folder, FITTED))
    few = whole.take(np.linspace(0, len(whole) - 1, rows).astype(int))
    pq.write_table(few, target / "few.parquet")
    start = time.monotonic()
    corpus = load_corpus([target])
    answers = leave_out_candidates(corpus.rows, CANDIDATES, prior=corpus.prior)
    fit_predictor(
        corpus.rows,
        corpus.records,
        corpus.scored,
        version="0",
        trained_at="",
        answers=answers,
        prior=corpus.prior,
    )
    exact = time.monotonic() - start
    start = time.monotonic()
    with executor(jobs=1) as run:
        fit_fleet(measured_pieces([target]), run, silent, centres=CENTRES)
    return {"exact_seconds": exact, "basis_seconds": time.monotonic() - start}


def rival(folder: Path, rows: int, times: int) -> Figures:  # noqa: ARG001
    """scikit-learn's Nystroem and BayesianRidge on the same encoded rows, hosts held out."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import BayesianRidge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    settled = _settled(folder)
    parts = measured_pieces([table_of(folder, rows)])
    made = [part for piece in parts for part in _rows_in(settled, piece)]
    encoding = np.vstack([r.points.encoding for r, _ in made])
    target = np.concatenate([r.log_retained for r, _ in made])
    source = np.concatenate([r.points.source for r, _ in made])
    log_prior = np.concatenate([p[:, 0] for _, p in made])
    held = source % 5 == 0
    start = time.monotonic()
    sums = Statistics.none(settled.scheme.basis, FOLDS)
    for part, log_priors in made:
        kept = np.flatnonzero(part.points.source % 5 != 0)
        fold = np.zeros(len(kept), dtype=np.int64)
        sums.add(settled.scheme.sums(part.take(kept), fold, log_priors[kept]))
    every, _ = solve_all(sums)
    ours = time.monotonic() - start
    said = [
        settled.scheme.basis.carried(part) @ every.mean + log_priors[:, 0]
        for part, log_priors in made
    ]
    error = np.abs(target - np.concatenate(said))[held].mean()
    start = time.monotonic()
    model = make_pipeline(
        StandardScaler(),
        Nystroem(n_components=CENTRES, gamma=0.05, random_state=0),
        BayesianRidge(),
    )
    model.fit(encoding[~held], target[~held])
    theirs = time.monotonic() - start
    rival_error = np.abs(target - model.predict(encoding))[held].mean()
    return {
        "rows": int((~held).sum()),
        "seconds": ours,
        "rival_seconds": theirs,
        "rival_over_ours": theirs / ours,
        "error": float(error),
        "rival_error": float(rival_error),
        "prior_error": float(np.abs(target - log_prior)[held].mean()),
    }


def dask(folder: Path, rows: int, workers: int) -> Figures:
    """The second pass on a Dask cluster of so many worker processes on loopback."""
    settled, parts = _settled(folder), measured_pieces([table_of(folder, rows)])
    with _cluster(workers) as address, executor(address) as run:
        sums = Statistics.none(settled.scheme.basis, FOLDS)
        for found in run.map(add_up, parts[:1], shared=settled):
            sums.add(found)
        start = time.monotonic()
        for found in run.map(add_up, parts[1:], shared=settled):
            sums.add(found)
        taken = time.monotonic() - start
    return _per_row(sums.rows - parts[0].rows, taken)


@contextmanager
def _cluster(workers: int) -> Iterator[str]:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    common = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [sys.executable, "-m", "distributed.cli"]
    scheduler = [*command[:2], "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    scheduler += ["--port", str(port), "--no-dashboard"]
    worker = [*command[:2], "distributed.cli.dask_worker", address, "--nthreads", "1"]
    worker += ["--no-dashboard", "--nworkers", "1"]
    started = [subprocess.Popen(scheduler, **common)]
    try:
        time.sleep(3.0)
        started += [subprocess.Popen(worker, **common) for _ in range(workers)]
        time.sleep(5.0)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait()


def _settled(folder: Path) -> Settled:
    """A scheme of as many centres as are asked for, from the shipped rows and one of the
    tables, with the codes of all hosts."""
    parts = measured_pieces([table_of(folder, FITTED)])
    with executor(jobs=1) as run:
        found = prepare(parts, run, silent, centres=CENTRES, candidates=(DENSE,)).settled
    codes = dict(found.codes)
    for name in Law(seed=1, sources=HOSTS).names:
        codes.setdefault(name, len(codes))
    return replace(found, codes=codes, folds={name: fold_of(name) for name in codes})


def _rows_in(settled: Settled, piece: Piece) -> Iterator[tuple[Rows, NDArray[np.float64]]]:
    for _, read in measured_chunks(piece):
        yield rows_of(settled.scheme, read, read.source.each(settled.codes.__getitem__, -1))


def _scenarios(folder: Path, rows: int) -> Path:
    """The scenarios of a table's rows as one Parquet file."""
    target = folder / f"scenarios-{rows}.parquet"
    kinds = scenario_kinds()
    if not target.exists():
        table = pq.read_table(table_of(folder, rows))
        pq.write_table(table.select([n for n in table.column_names if n in kinds]), target)
    return target


def _error(fleet: Fleet) -> float:
    rows, keep = fleet.sample.rows, fleet.sample.scored
    return score(fleet.answer.error(rows)[keep], rows.group[keep])


def _per_row(rows: int, seconds: float) -> Figures:
    return {"seconds": seconds, "us_per_row": seconds / rows * 1e6}


STEPS: dict[str, Step] = {
    "accuracy": accuracy,
    "generate": generate,
    "pass": one_pass,
    "train": train,
    "score": score_one,
    "score-two": score_two,
    "crossing": crossing,
    "rival": rival,
    "dask": dask,
}
