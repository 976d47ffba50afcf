"""Throughput over threads: worked values, properties of the laws, the shipped constants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import scaling
from features.scaling import LINEAGES, QUANTITIES, capacity, family_of, smt_capacity, usl_capacity

SHARES = st.floats(0, 1)
CORES = st.floats(1, 1024)
SIGMAS = st.floats(0, 0.5)
KAPPAS = st.floats(0, 0.01)


def test_amdahl_and_gustafson_as_the_reference_works_them():
    assert scaling.amdahl_speedup(0.95, 1e12) == pytest.approx(20.0)
    assert scaling.amdahl_speedup(0.5, 1e12) == pytest.approx(2.0)
    # Erratum E1: the serial share is what does not scale.
    assert scaling.gustafson_speedup(0.1, 10) == pytest.approx(9.1)
    assert scaling.gustafson_speedup([0.0, 1.0], 10) == pytest.approx([10.0, 1.0])


def test_the_universal_law_worked_by_hand():
    # 10 / (1 + .02 x 9 + .001 x 10 x 9) = 10 / 1.27; it peaks at sqrt((1 - sigma) / kappa) = 31.3.
    assert usl_capacity(10, 0.02, 0.001) == pytest.approx(10 / 1.27)
    assert np.argmax(usl_capacity(np.arange(1, 100), 0.02, 0.001)) + 1 == 31


def test_a_second_thread_of_a_core_is_worth_its_gain():
    assert smt_capacity([1, 4, 6, 8], 4, 0.25) == pytest.approx([1.0, 4.0, 4.5, 5.0])


@given(SHARES, CORES, CORES)
def test_more_cores_never_lower_throughput_under_amdahl(parallel, one, other):
    few, many = scaling.amdahl_speedup(parallel, sorted((one, other)))
    assert many >= few * (1 - 1e-12)
    assert 1 - 1e-12 <= many <= max(one, other) * (1 + 1e-12)


@given(SIGMAS, CORES)
def test_without_coherency_the_universal_law_is_amdahls(sigma, cores):
    expected = scaling.amdahl_speedup(1.0 - sigma, cores)
    assert usl_capacity(cores, sigma, 0.0) == pytest.approx(expected, rel=1e-9)


@given(CORES, SHARES, SIGMAS, KAPPAS)
def test_one_thread_has_the_capacity_of_one(physical, gain, sigma, kappa):
    assert capacity(1, physical, gain, sigma, kappa) == 1.0


@given(CORES, CORES, CORES, SHARES, SIGMAS)
def test_without_coherency_more_threads_never_do_less(one, other, physical, gain, sigma):
    few, many = capacity(sorted((one, other)), physical, gain, sigma, 0.0)
    assert many >= few * (1 - 1e-12)
    assert many <= max(one, other) * (1 + 1e-12)


ROWS = st.lists(st.tuples(CORES, CORES, CORES, SHARES, SIGMAS, KAPPAS), min_size=1, max_size=5)


@given(ROWS)
def test_a_vector_is_its_rows(rows):
    threads, seen, physical, gain, sigma, kappa = np.array(rows).T
    together = capacity(threads, physical, gain, sigma, kappa)
    carried = scaling.throughput_at(
        threads[:, None], seen[:, None], np.full((len(rows), 1), 3.0), physical, gain, sigma, kappa
    )
    for i, (n, at, *constants) in enumerate(rows):
        assert together[i] == pytest.approx(capacity(n, *constants), rel=1e-12)
        alone = scaling.throughput_at([[n]], [[at]], [[3.0]], *([c] for c in constants))
        assert carried[i, 0] == pytest.approx(alone[0, 0], rel=1e-12)


def test_the_points_measured_are_carried_on():
    law = (np.array([4.0, 4.0]), np.array([0.25, 0.25]), np.array([0.01, 0.01]), np.zeros(2))
    threads = np.array([[1.0, 2.0], [1.0, 2.0]])
    measured = np.array([[100.0, np.nan], [100.0, 190.0]])
    first, second = scaling.throughput_at([[1.0, 8.0]] * 2, threads, measured, *law)
    assert first == pytest.approx(100.0 * capacity([1, 8], 4, 0.25, 0.01, 0.0))
    rate = 190.0 / capacity(2, 4, 0.25, 0.01, 0.0)
    assert second == pytest.approx(rate * capacity([1, 8], 4, 0.25, 0.01, 0.0))


def test_a_point_that_is_nowhere_measured_stays_unknown():
    nothing = scaling.throughput_at([[8.0]], [[1.0]], [[np.nan]], [4.0], [0.2], [0.0], [0.0])
    assert np.isnan(nothing).all()


def test_throughput_scales_between_sizes():
    assert scaling.scale_throughput(100.0, 8, 8, 2) == pytest.approx(100.0)
    twice = scaling.scale_throughput([100.0, 100.0], 8, 16, 2, ["zen3", "cascade-lake"])
    assert twice == pytest.approx([200.0, 200.0], rel=0.01)
    # Two threads of one core against two cores.
    assert scaling.scale_throughput(100.0, 1, 2, 2, "zen3") < 110.0
    assert scaling.scale_throughput(100.0, 1, 2, 1, "zen3") > 190.0


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("AMD EPYC 7571", "zen1"),
        ("AMD EPYC 7B12", "zen2"),
        ("AMD EPYC 7R13 48-Core Processor", "zen3"),
        ("AMD EPYC 9R14", "zen4"),
        ("AMD EPYC 9V45 96-Core Processor", "zen5"),
        ("AMD EPYC-Milan Processor", "zen3"),
        ("AMD EPYC Processor", "epyc"),
        ("Intel(R) Xeon(R) CPU E5-2670 v2 @ 2.50GHz", "ivy-bridge"),
        ("Intel(R) Xeon(R) CPU E5-2665 0 @ 2.40GHz", "sandy-bridge"),
        ("Intel(R) Xeon(R) CPU E7-8880 v3 @ 2.30GHz", "haswell"),
        ("Intel(R) Xeon(R) CPU E5-2698B v3 @ 2.00GHz", "haswell"),
        ("Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", "broadwell"),
        ("Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", "skylake"),
        ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "cascade-lake"),
        ("Intel(R) Xeon(R) Platinum 8369HB CPU @ 3.30GHz", "cooper-lake"),
        ("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "ice-lake"),
        ("Intel(R) Xeon(R) Platinum 8488C", "sapphire-rapids"),
        ("INTEL(R) XEON(R) PLATINUM 8573C", "emerald-rapids"),
        ("Intel(R) Xeon(R) 6975P-C", "granite-rapids"),
        ("Intel(R) Xeon(R) CPU @ 2.80GHz", "cascade-lake"),
        ("Neoverse-V2", "neoverse-v2"),
        ("AWS Graviton3", "neoverse-v1"),
        ("Ampere Altra Max", "neoverse-n1"),
        ("GENUINE INTEL(R) 0000", "default"),
        ("", "default"),
    ],
)
def test_a_model_name_tells_its_family(model, family):
    assert family_of(model) == family
    assert family in {*LINEAGES, "default"}


def test_a_made_up_topology_is_a_family_of_its_own():
    assert family_of("AMD EPYC-Rome Processor", "Microsoft") == "floating-amd"
    assert family_of("Intel Xeon Processor (Cascadelake)", "Microsoft") == "floating-intel"
    assert family_of("AMD EPYC 7763 64-Core Processor", "Microsoft") == "zen3"
    assert family_of("Intel Xeon Processor (Cascadelake)", "KVM") == "cascade-lake"


def test_the_shipped_constants_are_in_range_and_sourced():
    shipped = scaling.scalings()
    assert set(shipped["default"].constants) == set(QUANTITIES)
    for entry in shipped.values():
        for quantity, constant in entry.constants.items():
            assert 0 <= constant.low <= constant.value <= constant.high <= 1, (entry.name, quantity)
            assert constant.source == "Spare Cores sc-inspector-data, CC BY-SA 4.0"
            assert entry.instances[quantity] >= 5


def test_a_family_without_figures_takes_those_of_its_lineage_then_of_all():
    shipped = scaling.scalings()
    assert (
        scaling.prior("sandy-bridge", "smt_gain")
        == (shipped["before-sunny-cove"].constants["smt_gain"])
    )
    assert scaling.prior("neoverse-v2", "smt_gain") == shipped["default"].constants["smt_gain"]
    gain, sigma, kappa = scaling.priors(["zen4", "never-heard-of"])
    assert gain.shape == sigma.shape == kappa.shape == (2,)
    assert gain[1] == shipped["default"].constants["smt_gain"].value
    with pytest.raises(KeyError, match="speed"):
        scaling.prior("zen4", "speed")


@pytest.mark.parametrize(
    "entry",
    [{"smt_gain": [1.2, 1.0, 1.3, 9]}, {"sigma": [0.3, 0.0, 0.2, 9]}, {"mass": [0, 0, 0, 9]}],
)
def test_a_constant_out_of_range_is_refused(entry):
    with pytest.raises(ValueError, match=r"range|outside|no family or quantity"):
        scaling._scaling("zen4", entry, "a source")


def test_a_workload_speeds_up_by_amdahl_over_the_capacity_there_is():
    cores = np.array([1.0, 2.0, 8.0, 64.0])
    speedup = scaling.workload_speedup(0.95, cores)
    assert speedup[0] == pytest.approx(1.0)
    assert (np.diff(speedup) > 0).all()
    assert (speedup <= scaling.amdahl_speedup(0.95, cores) + 1e-9).all()
    assert scaling.workload_speedup(0.0, 64.0) == pytest.approx(1.0)
