"""Balloon and KSM: the reference's figures, limits and directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.constants import constants, quantities
from features.overcommit import (
    balloon_slowdown,
    ksm_cpu_share,
    ksm_savings,
    ksm_scan_s,
    memory_available_gb,
    memory_held,
    reclaim_ms,
)
from features.vocabulary import vocabulary

share = st.floats(0.0, 0.9)
gigabytes = st.floats(0.01, 4096.0)


def test_the_references_figures():
    assert reclaim_ms(1.0, constants()["reclaim_ms_per_gb"][0]) == 100
    assert ksm_scan_s(10.0, constants()["ksm_scan_mb_per_s"][0], 1.0) == 20
    loss = quantities()["ksm_loss_per_10gb"].entries["value"]
    assert (loss.low, loss.high) == (0.02, 0.05)
    assert ksm_cpu_share(10.0, loss.value, 1.0) == loss.value
    losses = quantities()["balloon_loss"].entries
    assert [losses[k].value for k in ("light", "moderate", "heavy")] == [0.05, 0.10, 0.15]
    assert balloon_slowdown(0.15) == pytest.approx(1 / 0.85)
    assert memory_available_gb(64.0, 16.0 + 16.0) == 32


def test_a_balloon_takes_what_its_word_says():
    words = vocabulary().mechanisms["balloon"].values
    held = [memory_held(100.0, taken, 0.0, 0.0) for taken in constants()["balloon_share"]]
    assert dict(zip(words, held, strict=True)) == {
        "off": 100,
        "light": 90,
        "moderate": 75,
        "heavy": 50,
    }


@given(gigabytes, share, share, share)
def test_what_is_given_back_is_never_more_than_there_is(claimed, balloon, duplicate, cost):
    held = memory_held(claimed, balloon, duplicate, cost)
    assert 0 < held <= claimed * (1 + cost) * (1 + 1e-12)
    assert memory_held(claimed, 0.0, 0.0, 0.0) == claimed
    assert memory_held(claimed, balloon, duplicate, 0.0) <= claimed * (1 + 1e-12)
    assert held >= memory_held(claimed, balloon, duplicate, 0.0)


@given(gigabytes, share, share)
def test_merging_pays_only_above_its_cost(claimed, duplicate, cost):
    savings = ksm_savings(claimed * duplicate, cost, claimed)
    if abs(duplicate - cost) > 1e-9:
        assert (savings > 0) == (duplicate > cost)


@given(gigabytes, st.floats(1, 256), st.floats(1, 256))
def test_more_cores_scan_sooner_and_feel_it_less(scanned, few, many):
    few, many = sorted((few, many))
    assert ksm_scan_s(scanned, 500.0, many) <= ksm_scan_s(scanned, 500.0, few)
    assert ksm_cpu_share(scanned, 0.035, many) <= ksm_cpu_share(scanned, 0.035, few) <= 1


@given(share, share)
def test_a_larger_loss_is_a_larger_slowdown(a, b):
    small, large = sorted((a, b))
    assert 1.0 <= balloon_slowdown(small) <= balloon_slowdown(large)
