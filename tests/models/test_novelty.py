"""What novelty is made of: the expected error, what was measured of the like, and how near."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.encoder import encode
from features.scenario import Scenario
from models.kernel import mechanism_sets
from models.novelty import left_out_nearness, nearness, unknown_error
from models.rows import make_rows
from tests.models.conftest import Row

HOST = {"cores": 8, "memory_gb": 32, "network_gbps": 10, "storage_iops": 200_000}
PLAIN = Scenario("gvisor", "web.static", **HOST)
PTRACE = replace(PLAIN, mechanisms={"syscall_boundary": "ptrace"})
KVM = replace(PLAIN, mechanisms={"syscall_boundary": "kvm"})
VM = Scenario("vm", "web.static", **HOST)


def encoded(*scenarios):
    return encode(scenarios)[0]


def test_a_set_of_mechanisms_is_as_near_as_what_it_costs_and_another_runtime_is_not_near():
    asked = encoded(PLAIN, PTRACE, replace(PLAIN, workload="database.kv"), VM)
    near = nearness(asked, mechanism_sets(encoded(PLAIN, KVM)), 2.0)
    assert near[0] == pytest.approx(1.0)
    assert near[2] == pytest.approx(1.0)
    assert 0.0 < near[1] < 0.99
    assert near[3] == 0.0
    assert nearness(asked, asked[:0], 2.0).tolist() == [0.0] * 4
    assert len(mechanism_sets(encoded(PLAIN, PLAIN, replace(PLAIN, cores=2), VM))) == 2


def test_the_likes_of_a_row_are_looked_for_in_other_groups():
    rows = make_rows([Row(s, 0.5) for s in (PLAIN, PLAIN, VM)], [0, 1, 1], [0, 1, 1])
    near = left_out_nearness(rows, np.array([True, True, True]), 2.0)
    assert near == pytest.approx([1.0, 1.0, 0.0])
    assert left_out_nearness(rows, np.array([False, True, True]), 2.0)[1] == 0.0


def test_all_of_an_error_is_unknown_where_nothing_is_measured_and_none_where_all_is():
    expected = np.full(4, 0.5)
    left, near = np.array([0.0, 1.0, 0.0, 0.25]), np.array([1.0, 1.0, 0.0, 1.0])
    assert unknown_error(expected, left, near) == pytest.approx([0.0, 0.5, 0.5, 0.25])
