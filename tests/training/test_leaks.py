"""A source told twice: why it may not be, and that it is found and refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datasets.shipped import measured
from datasets.table import write_measurements
from features.errors import InvalidInput
from training.corpus import load_corpus
from training.evaluation import evaluate_residual
from training.leaks import HANDFUL, find_leaks
from training.teach import answers_of

from .law import corpus_of, law_measurements


def copied(rows, source, name="copy"):
    return [replace(m, id=f"{name}-{m.id}", source=name) for m in rows if m.source == source]


def test_a_copy_under_another_name_makes_the_held_out_source_easy_and_is_found():
    # What only this source measured, only its copy can tell when it is left out.
    rows = law_measurements(laws={3: {"wasm": -1.5, "container": 0.0, "vm": 0.1}})
    leaked = [*rows, *copied(rows, "source03")]

    def error(measurements):
        corpus = corpus_of(measurements)
        size = np.abs(evaluate_residual(corpus, answers_of(corpus)).error)
        mine = [(m.source, m.scenario.runtime) == ("source03", "wasm") for m in measurements]
        return size[mine].mean()

    assert error(leaked) < 0.8 * error(rows)
    assert find_leaks(rows, [m.source for m in rows]) == ()
    [leak] = find_leaks(leaked, [m.source for m in leaked])
    assert set(leak.sources) == {"copy", "source03"}
    assert leak.rows == 12
    assert leak.as_dict()["example"].split()[0] in {"vm", "container", "wasm"}


def test_sources_that_are_left_out_together_may_repeat_one_another():
    rows = law_measurements()
    leaked = [*rows, *copied(rows, "source03")]
    groups = ["source03" if m.source == "copy" else m.source for m in leaked]
    assert find_leaks(leaked, groups) == ()


def test_a_handful_of_like_figures_is_chance():
    rows = law_measurements()
    few = copied(rows, "source03")[:HANDFUL]
    assert find_leaks([*rows, *few], [m.source for m in (*rows, *few)]) == ()


def test_the_shipped_measurements_have_no_leak():
    assert load_corpus(synthetic=0).leaks == ()


def test_a_file_that_repeats_curated_rows_is_refused_by_name(tmp_path):
    path = tmp_path / "mine.csv"
    write_measurements(path, copied(measured(), "felter2015", "mine")[:20])
    with pytest.raises(InvalidInput, match=r"mine\.csv.*repeat curated measurements of felter2015"):
        load_corpus([path], synthetic=0)


def test_two_sources_of_ones_own_that_repeat_one_another_are_told(tmp_path):
    path = tmp_path / "mine.csv"
    rows = [m for m in law_measurements() if m.source == "source03"]
    write_measurements(path, [*rows, *copied(rows, "source03")])
    [leak] = load_corpus([path], synthetic=0).leaks
    assert set(leak.sources) == {"copy", "source03"}
