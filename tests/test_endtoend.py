"""The check of real programs: its figures, and a command timed inside and outside a runtime."""

from __future__ import annotations

import math

import pytest

from datasets.tracing.program import Unavailable
from tests.benchmarks.endtoend.figures import kept, row, summary
from tests.benchmarks.endtoend.programs import Command
from tests.benchmarks.endtoend.running import RUNNING

PROFILE = {"per_second": {"cpu_us": 5e5}}


def record(retained: float, low: float, high: float) -> dict:
    parts = [{"name": "system calls", "factor": 0.5}, {"name": "faults", "factor": 0.9}]
    novelty = {"extrapolating": True}
    return {"retained": retained, "interval": [low, high], "parts": parts, "novelty": novelty}


def test_what_is_kept_is_of_paired_times():
    """Drift that both share leaves no mark."""
    native = [1.0, 2.0, 4.0]
    measured, low, high = kept(native, [2.0, 4.0, 8.0])
    assert (measured, low, high) == pytest.approx((0.5, 0.5, 0.5))
    measured, low, high = kept(native, [2.0, 5.0, 8.0])
    assert low < measured < high
    assert measured == pytest.approx((0.5 * 0.4 * 0.5) ** (1 / 3))
    assert kept([1.0], [2.0])[2] == math.inf


def test_a_row_says_whether_the_interval_held_and_the_summary_counts():
    times = {"native": [1.0, 1.0, 1.0], "runc": [2.0, 2.0, 2.0]}
    inside = row("a", "runc", times, PROFILE, record(0.55, 0.4, 0.7), record(0.5, 0.45, 0.55))
    outside = row("b", "runc", times, PROFILE, record(0.9, 0.8, 1.0), record(0.8, 0.6, 1.0))
    assert (inside["inside"], outside["inside"]) == (True, False)
    assert inside["prior"] == pytest.approx(0.45)
    assert inside["native_busy"] == 0.5
    told = summary([inside, outside])
    assert told["inside"] == told["told_inside"] == 0.5
    assert told["error"] == pytest.approx((math.log(1.1) + math.log(1.8)) / 2)
    assert told["told_error"] == pytest.approx(math.log(1.6) / 2)


@pytest.mark.parametrize("runtime", RUNNING)
def test_a_command_is_timed_without_the_runtimes_start(runtime, tmp_path):
    load = Command("sleep a while", tmp_path, [runtime], lambda _: ["/bin/sleep 0.05"])
    load.start()
    try:
        took = load.time(runtime, load.loads[0])
    except (Unavailable, OSError) as error:
        if runtime == "native":
            raise
        pytest.skip(f"{runtime} does not run here: {error}")
    assert 0.05 <= took < 10.0
