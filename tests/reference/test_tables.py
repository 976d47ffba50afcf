"""Every printed cell against the prior with the reference's constants at the reference's host."""

from __future__ import annotations

import pytest

from features.constants import constants
from features.prior import evaluate
from features.reference import reference_figures, reference_host, reference_metrics
from features.vocabulary import vocabulary

CELLS = [(metric, cell) for metric in reference_metrics() for cell in metric.cells]
# Bandwidth and throughput to 3 %, latencies, calls and IOPS to 10 %.
CLOSE, LOOSE = 0.03, 0.10


def agrees(metric, cell):
    scenario = metric.scenario(cell.runtime, reference_host(), cell.options)
    kept = float(evaluate([scenario], constants("reference")).retained[0])
    base = metric.base_scenario(cell.runtime, reference_host())
    if base is not None:
        kept /= float(evaluate([base], constants("reference")).retained[0])
    low, high = sorted((metric.retained(cell.low), metric.retained(cell.high)))
    if low < high:
        return low - 1e-9 <= kept <= high + 1e-9
    tolerance = LOOSE if metric.better == "low" or "IOPS" in metric.unit else CLOSE
    return low * (1 - tolerance) <= kept <= high * (1 + tolerance)


@pytest.mark.parametrize(
    ("metric", "cell"), CELLS, ids=[f"{m.table}-{m.name}-{c.label}" for m, c in CELLS]
)
def test_a_cell_is_reproduced_or_its_exception_has_a_reason(metric, cell):
    assert agrees(metric, cell) is (cell.erratum == ""), cell.erratum or "no reason is given"


def test_exceptions_are_few_and_counted(capsys):
    exceptions = [(m, c) for m, c in CELLS if c.erratum]
    with capsys.disabled():
        print(f"\nreference: {len(CELLS)} cells compared, {len(exceptions)} exceptions")
    assert len(CELLS) >= 115
    assert len(exceptions) <= 17


@pytest.mark.parametrize("metric", reference_metrics(), ids=lambda m: f"{m.table}-{m.name}")
def test_a_figure_and_its_retained_are_inverse(metric):
    for cell in metric.cells:
        assert metric.value(metric.retained(cell.figure)) == pytest.approx(cell.figure)
        assert metric.retained(metric.native) == 1.0


def test_the_priors_start_is_the_printed_one():
    [row] = [f for f in reference_figures() if f.name == "start of an instance"]
    starts = dict(zip(vocabulary().runtimes, constants()["start_ms"], strict=True))
    assert {c.runtime: starts[c.runtime] for c in row.cells} == {
        c.runtime: c.figure for c in row.cells
    }


def test_bounds_and_hosts_are_of_what_is_printed():
    for row in reference_figures():
        assert set(row.bound.values()) <= {"upper", "lower"}
        assert bool(row.host) == (row.quantity == "density_per_host")
        assert all(cell.low <= cell.high for cell in row.cells)
