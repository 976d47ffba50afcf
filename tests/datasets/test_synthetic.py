"""The synthetic rows: the same for the same seed, spread over the space, and physically sound."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from datasets.synthetic import (
    CLIENTS_SPACE,
    HOST_SPACE,
    OPTION_SHARE,
    contended_throughput,
    draw_scenarios,
    synthetic_rows,
)
from datasets.table import read_measurements, write_measurements
from features.constants import constants, draw
from features.prior import PriorTable, evaluate
from features.scenario import RETAINED_RANGE, Scenario
from features.table import scenario_table
from features.vocabulary import RESOURCES, vocabulary

# A tuning option that bare metal was not given can make a runtime faster than it; without one,
# only constants drawn apart from each other (walks on bare metal and in a container) do.
_MOST_RETAINED = {"untuned": 1.1, "tuned": 2.0}


@pytest.fixture(scope="module")
def rows():
    return synthetic_rows(1024, seed=7)


def test_same_seed_same_bytes(rows, tmp_path):
    write_measurements(tmp_path / "one.csv", rows)
    write_measurements(tmp_path / "two.csv", synthetic_rows(1024, seed=7))
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_rows_survive_being_written_and_read(rows, tmp_path):
    write_measurements(tmp_path / "rows.csv", rows)
    assert read_measurements(tmp_path / "rows.csv") == rows


def test_other_seed_other_rows(rows):
    other = synthetic_rows(1024, seed=8)
    assert not {r.id for r in rows} & {r.id for r in other}
    assert sum(a.scenario == b.scenario for a, b in zip(rows, other, strict=True)) < 10
    assert sum(a.retained == b.retained for a, b in zip(rows, other, strict=True)) < 100


@pytest.mark.parametrize("n", [0, 1, 3, 17, 100])
def test_as_many_rows_as_asked_for(n):
    made = synthetic_rows(n, seed=1)
    assert len(made) == n
    assert len({r.id for r in made}) == n


def test_a_negative_number_of_rows_is_refused():
    with pytest.raises(ValueError, match="n must not be negative"):
        synthetic_rows(-1, seed=1)


def test_rows_are_marked(rows):
    assert {(r.source, r.origin, r.baseline) for r in rows} == {("synthetic", "synthetic", None)}
    assert {r.resource for r in rows} == set(RESOURCES)


def test_retained_is_sound(rows):
    for r in rows:
        most = _MOST_RETAINED["tuned" if r.scenario.mechanisms else "untuned"]
        assert RETAINED_RANGE[0] <= r.retained <= most, r
        assert r.retained == pytest.approx(r.value / r.baseline_value, rel=1e-8)
    assert np.mean([r.retained <= 1.05 for r in rows]) > 0.99


def test_the_space_is_covered_evenly():
    scenarios = draw_scenarios(0, 1024, seed=3).scenarios
    by_runtime = Counter(s.runtime for s in scenarios)
    assert set(by_runtime) == set(vocabulary().runtimes) - {"native"}
    assert max(by_runtime.values()) - min(by_runtime.values()) <= 4
    workloads = {s.workload for s in scenarios}
    assert {"big-data", "database.kv", "cpu.syscall"} <= workloads
    assert not {"web", "startup"} & workloads
    tuned = [s for s in scenarios if s.mechanisms]
    assert len(tuned) == pytest.approx(OPTION_SHARE * len(scenarios), rel=0.05)
    assert all(len(s.mechanisms) == 1 for s in tuned)
    for name, (low, high) in HOST_SPACE.items():
        values = [getattr(s, name) for s in scenarios]
        assert low <= min(values) < low * 1.1
        assert high * 0.9 < max(values) <= high
        assert np.median(values) == pytest.approx(np.sqrt(low * high), rel=0.05)
    clients = [s.demands["concurrency"] for s in scenarios]
    assert min(clients) == CLIENTS_SPACE[0]
    assert 0.9 * CLIENTS_SPACE[1] < max(clients) <= CLIENTS_SPACE[1]
    assert all(c.is_integer() for c in clients)


def test_an_option_differs_from_the_preset():
    for s in draw_scenarios(0, 512, seed=4).scenarios:
        for key, value in s.mechanisms.items():
            assert value != vocabulary().runtimes[s.runtime].preset[key]


@pytest.mark.parametrize("drawn", [False, True])
def test_one_client_gives_the_priors_own_whole(drawn):
    values = draw(np.random.default_rng(5)) if drawn else constants()
    scenarios = [
        Scenario(s.runtime, s.workload, s.cores, s.memory_gb, s.network_gbps, s.storage_iops,
                 s.mechanisms, {"concurrency": 1.0})
        for s in draw_scenarios(0, 512, seed=5).scenarios
    ]  # fmt: skip
    prior = evaluate(scenarios, values)
    native_hz, isolated_hz = contended_throughput(scenario_table(scenarios), prior)
    assert isolated_hz / native_hz == pytest.approx(prior.retained, rel=1e-6)
    assert native_hz == pytest.approx(1e6 / prior.op_us, rel=1e-9)


def test_waiting_moves_the_whole_towards_the_busiest_resource():
    """Half storage that keeps a half, half cpu on many cores that keeps a tenth."""
    shares = np.array([[0.5, 0.0, 0.0, 0.5]])
    kept = np.array([[0.1, np.nan, np.nan, 0.5]])
    prior = PriorTable(np.array([1 / 6]), np.ones((1, 1)), kept, shares, np.array([100.0]))

    def retained(clients):
        scenario = Scenario(
            "vm", "database.sql", cores=128.0, demands={"concurrency": float(clients)}
        )
        native_hz, isolated_hz = contended_throughput(scenario_table([scenario]), prior)
        return (isolated_hz / native_hz)[0]

    assert retained(1) == pytest.approx(1 / 6)
    assert 1 / 6 < retained(8) < 0.5
    assert retained(256) == pytest.approx(0.5, rel=1e-3)
