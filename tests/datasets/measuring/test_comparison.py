"""Figures of rounds against native: medians, the band of chance, outliers, what is missing."""

from __future__ import annotations

import math
import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.measuring.catalog import BY_NAME
from datasets.measuring.comparison import band_of, compare, outliers_of
from datasets.measuring.plan import AGAIN, NATIVE, Plan
from datasets.measuring.rounds import Round
from datasets.measuring.session import Answer

times = st.floats(1.0, 1e6)


def plan(rounds, benchmark="getppid"):
    return Plan((NATIVE, "runc", AGAIN), (BY_NAME[benchmark],), rounds, 1.0, "digest")


def rounds_of(native, isolated, again, benchmark="getppid"):
    return [
        Round(
            {NATIVE: {benchmark: Answer(a)}, "runc": {benchmark: b}, AGAIN: {benchmark: Answer(c)}}
        )
        for a, b, c in zip(native, isolated, again, strict=True)
    ]


def test_a_difference_is_seen_outside_the_band_and_not_inside():
    native, again = [100, 101, 99, 100, 102], [101, 99, 100, 102, 100]
    slow = rounds_of(native, [Answer(x) for x in (130, 131, 129, 130, 500)], again)
    same = rounds_of(native, [Answer(x) for x in (100, 101, 100, 99, 500)], again)
    for rounds, differs in ((slow, True), (same, False)):
        told, missing = compare(plan(5), rounds)
        one = next(c for c in told if c.side == "runc")
        assert one.differs is differs
        assert one.outliers == (5,)  # shown, and counted in the spread
        assert one.spread > 0.3
        assert not missing
    assert one.retained == pytest.approx(1.0, abs=0.02)


def test_native_against_native_is_inside_its_own_band():
    native, again = [100, 101, 99, 100, 102], [104, 103, 105, 104, 103]
    told, _ = compare(plan(5), rounds_of(native, [Answer(100.0)] * 5, again))
    first = told[0]
    assert first.side == AGAIN
    assert first.native_ns == 100
    assert not first.differs


@given(st.lists(st.tuples(times, times), min_size=5, max_size=8))
def test_the_band_is_that_of_either_order_and_holds_what_the_natives_differ(pairs):
    first, second = zip(*pairs, strict=True)
    band = band_of(first, second)
    assert band == pytest.approx(band_of(second, first))
    assert band >= abs(math.log(median(first) / median(second))) - 1e-9


@pytest.mark.parametrize("rounds", [5, 15])
def test_two_equal_sides_are_told_apart_in_about_a_twentieth_of_all_runs(rounds):
    drawn = random.Random(7)

    def side():
        return [math.exp(drawn.gauss(5.0, 0.02)) for _ in range(rounds)]

    runs = 600
    told = sum(
        abs(math.log(median(side()) / median(side()))) > band_of(side(), side())
        for _ in range(runs)
    )
    assert 0.01 < told / runs < 0.12


@given(st.floats(1.0, 1e6), st.integers(5, 20))
def test_equal_natives_leave_no_room_for_chance(ns, count):
    assert band_of([ns] * count, [ns] * count) == 0.0


def test_an_outlier_stands_apart_from_many_and_not_from_scatter():
    assert outliers_of([100, 101, 99, 100, 160]) == (5,)
    assert outliers_of([100, 110, 90, 120, 80]) == ()


def test_a_benchmark_that_cannot_be_had_is_told_with_why():
    cannot = [Answer(cannot="no memory")] * 5
    told, missing = compare(plan(5), rounds_of([100] * 5, cannot, [100] * 5))
    assert [c.side for c in told] == [AGAIN]
    assert [(m.side, m.why) for m in missing] == [("runc", "no memory")]


def test_a_side_that_broke_in_most_rounds_has_no_figure():
    rounds = rounds_of([100] * 5, [Answer(100.0)] * 5, [100] * 5)
    for one in rounds[:3]:
        del one.answers["runc"]["getppid"]
        one.broken["runc"] = "it has ended"
    told, missing = compare(plan(5), rounds)
    assert [c.side for c in told] == [AGAIN]
    assert missing[0].why == "runc: it has ended"


def test_sides_take_turns_to_be_first():
    first = [plan(5).order(turn)[0] for turn in range(6)]
    assert {first.count(side) for side in (NATIVE, "runc", AGAIN)} == {2}
