"""The matrix: every cell from its three witnesses, and what it says where they disagree."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from features.reference import SECTIONS, reference_metrics
from features.vocabulary import vocabulary
from models.fitting import fit_predictor
from models.matrix import matrix


@pytest.fixture(scope="module")
def predictor(law):
    rows, records = law
    scored = np.ones(len(rows), dtype=bool)
    made = fit_predictor(rows, records, scored, version="1", trained_at="2026-01-01T00:00:00+00:00")
    measured = {
        "vm cpu.int": {"median": 0.985, "sources": 3, "rows": 9},
        "vm network.throughput network_path=sr-iov": {"median": 0.02, "sources": 1, "rows": 1},
    }
    return replace(made, card={"measured": measured})


@pytest.fixture(scope="module")
def document(predictor):
    return matrix(predictor)


def row(document, section, name):
    return next(r for r in document["sections"][section] if r["metric"] == name)


def test_every_printed_figure_is_in_the_matrix(document):
    assert list(document["sections"]) == list(SECTIONS)
    for metric in reference_metrics():
        cells = row(document, metric.section, metric.name)["cells"]
        for cell in metric.cells:
            assert cells[cell.label]["reference"] == cell.figure
        if metric.base:
            assert set(cells) == {cell.label for cell in metric.cells}
        else:
            assert set(vocabulary().runtimes) - {"native"} <= set(cells)


def test_values_are_in_the_metrics_own_unit(document):
    mips = row(document, "cpu", "integer, 1 thread")["cells"]["vm"]
    assert mips["model"] == pytest.approx(9200, rel=0.01)
    assert mips["predicted"] == pytest.approx(10000 * mips["retained"])
    call = row(document, "cpu", "getpid()")["cells"]["gvisor"]
    assert call["predicted"] == pytest.approx(100 / call["retained"])
    assert call["interval"][0] < call["predicted"] < call["interval"][1]


def test_measured_medians_stand_beside_with_their_sources(document):
    cell = row(document, "cpu", "integer, 1 thread")["cells"]["vm"]
    assert (cell["measured"], cell["sources"]) == (pytest.approx(9850), 3)
    assert row(document, "cpu", "integer, 1 thread")["cells"]["kata"]["measured"] is None


def test_an_options_gain_is_relative_to_the_same_runtime_without_it(document):
    cell = row(document, "network", "techniques for the stream of a VM")["cells"][
        "vm network_path=sr-iov"
    ]
    assert cell["reference_range"] == [115, 120]
    assert 115 <= cell["model"] <= 120
    assert cell["interval"] is None
    assert row(document, "network", "TCP stream")["aspect"] == "throughput"


def test_disagreement_is_said(document):
    cell = row(document, "network", "TCP stream")["cells"]["vm network_path=sr-iov"]
    assert "the measured median is outside the interval" in cell["disagreements"]
    known = row(document, "cpu", "integer, 1 thread")["cells"]["gvisor"]
    assert any("E4" in said for said in known["disagreements"])


def test_another_host_and_a_workload_of_ones_own(predictor, document):
    slow = matrix(predictor, {"network_gbps": 1.0}, "database.kv", ["network"])
    assert list(slow["sections"]) == ["network", "workload"]
    there = row(slow, "network", "TCP stream")["cells"]["vm"]["model"]
    assert there > row(document, "network", "TCP stream")["cells"]["vm"]["model"]
    assert row(slow, "workload", "database.kv, of bare metal")["unit"] == "%"
    assert json.loads(json.dumps(slow)) == slow
