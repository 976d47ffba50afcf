"""The closed network against closed forms, bounds, and a chain solved by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.queueing import closed_network

demand = st.one_of(st.just(0.0), st.floats(1e-3, 1e5))
row = st.tuples(
    st.lists(demand, min_size=4, max_size=4).filter(any),
    st.integers(1, 60),
    st.floats(1, 64),
    st.one_of(st.just(0.0), st.floats(1e-3, 1e5)),
)
rows = st.lists(row, min_size=1, max_size=6).map(
    lambda given: tuple(np.array(column) for column in zip(*given, strict=True))
)


def _brute_force(demands_us, clients, cores, think_us):
    """Throughput [Hz] and residence [us] from the product form, state by state."""
    total, per_state = 0.0, np.zeros(5)
    for state in itertools.product(range(clients + 1), repeat=4):
        thinking = clients - sum(state)
        if thinking < 0:
            continue
        weight = np.prod([d**k for d, k in zip(demands_us, state, strict=True)])
        weight /= np.prod([min(k, cores) for k in range(1, state[0] + 1)])
        weight *= think_us**thinking / np.prod(np.arange(1.0, thinking + 1))
        flow = min(state[0], cores) / demands_us[0]
        total += weight
        per_state += weight * np.array([flow, *state])
    throughput, *queue = per_state / total
    return throughput * 1e6, np.array(queue) / throughput


@pytest.mark.parametrize("station", range(4))
@pytest.mark.parametrize("clients", [1, 2, 50])
def test_one_station_serves_one_operation_per_demand(station, clients):
    demands = np.zeros((1, 4))
    demands[0, station] = 20.0
    throughput_hz, residence_us = closed_network(demands, clients, cores=1)
    assert throughput_hz[0] == pytest.approx(1e6 / 20.0)
    assert residence_us[0, station] == pytest.approx(20.0 * clients)
    assert residence_us[0].sum() == residence_us[0, station]


@pytest.mark.parametrize("pair", list(itertools.combinations(range(4), 2)))
def test_two_balanced_stations(pair):
    clients = np.arange(1, 40)
    demands = np.zeros((len(clients), 4))
    demands[:, pair] = 7.0
    throughput_hz, _ = closed_network(demands, clients, cores=1)
    assert throughput_hz == pytest.approx(clients / (7e-6 * (clients + 1)), rel=1e-12)


def test_four_balanced_stations():
    throughput_hz, residence_us = closed_network(np.full((1, 4), 3.0), 10, cores=1)
    assert throughput_hz[0] == pytest.approx(10 / (3e-6 * (10 + 3)))
    assert residence_us[0] == pytest.approx(3.0 * (1 + 9 / 4))


def test_cores_serve_as_many_clients_at_once():
    clients = np.array([1, 3, 8, 20])
    throughput_hz, _ = closed_network(np.tile([5.0, 0, 0, 0], (4, 1)), clients, cores=8)
    assert throughput_hz == pytest.approx(np.minimum(clients, 8) / 5e-6)


def test_more_cores_than_clients_do_not_queue():
    _, residence_us = closed_network([[5.0, 1.0, 2.0, 0.5]], 16, cores=16)
    assert residence_us[0, 0] == pytest.approx(5.0)


def test_thinking_alone_delays():
    throughput_hz, residence_us = closed_network(np.zeros((1, 4)), 7, 2, think_us=50.0)
    assert throughput_hz[0] == pytest.approx(7 / 50e-6)
    assert not residence_us.any()


def test_machine_repairman():
    """One server, N clients that think: X = (1 - p0) / D with p0 of Erlang's finite source."""
    clients, service_us, think_us = 6, 4.0, 10.0
    a = service_us / think_us
    terms = np.cumprod([1.0, *(a * (clients - k) for k in range(clients))])
    throughput_hz, _ = closed_network([[service_us, 0, 0, 0]], clients, 1, think_us)
    assert throughput_hz[0] == pytest.approx((1 - 1 / terms.sum()) / (service_us * 1e-6))


@pytest.mark.parametrize(
    ("demands_us", "clients", "cores", "think_us"),
    [
        ((5.0, 1.0, 2.0, 0.5), 6, 3, 0.0),
        ((5.0, 1.0, 2.0, 0.5), 6, 3, 4.0),
        ((0.1, 3.0, 2.0, 2.9), 8, 2, 0.0),
        ((9.0, 0.0, 2.0, 0.0), 9, 4, 1.0),
        ((9.0, 1.0, 0.0, 2.0), 7, 2.5, 0.0),
    ],
)
def test_product_form_state_by_state(demands_us, clients, cores, think_us):
    expected_hz, expected_us = _brute_force(demands_us, clients, cores, think_us)
    throughput_hz, residence_us = closed_network([demands_us], clients, cores, think_us)
    assert throughput_hz[0] == pytest.approx(expected_hz, rel=1e-12)
    assert residence_us[0] == pytest.approx(expected_us, rel=1e-12)


def test_saturated_cpu_with_many_cores_stays_stable():
    """Where the load-dependent recursion loses its digits: thousands of clients, 64 cores."""
    throughput_hz, residence_us = closed_network([[64.0, 0.9, 0.1, 1e-6]], 5000, 64, 10.0)
    assert throughput_hz[0] == pytest.approx(1e6, rel=1e-9)
    assert residence_us[0, 1] == pytest.approx(9.0, rel=1e-9)
    assert residence_us.sum() + 10.0 == pytest.approx(5000.0, rel=1e-9)


def test_a_negligible_cpu_keeps_its_digits():
    throughput_hz, residence_us = closed_network([[1e-12, 1e9, 0, 0]] * 2, [1, 3], [2, 2])
    assert throughput_hz == pytest.approx(1e-3)
    assert residence_us[:, 0] == pytest.approx(1e-12, rel=1e-9, abs=0)


@given(rows)
def test_bounds_and_littles_law(given):
    demands_us, clients, cores, think_us = given
    throughput_hz, residence_us = closed_network(demands_us, clients, cores, think_us)
    per_us = throughput_hz / 1e6
    round_trip_us = residence_us.sum(axis=1) + think_us
    assert per_us * round_trip_us == pytest.approx(clients, rel=1e-9)

    longest = np.column_stack([demands_us[:, 0] / cores, demands_us[:, 1:]]).max(axis=1)
    alone = clients / (demands_us.sum(axis=1) + think_us)
    assert (per_us <= np.minimum(1 / longest, alone) * (1 + 1e-9)).all()
    one_at_a_time = clients / (clients * demands_us.sum(axis=1) + think_us)
    assert (per_us >= one_at_a_time * (1 - 1e-9)).all()
    assert (residence_us >= demands_us * (1 - 1e-9)).all()


@given(rows)
def test_more_clients_or_cores_never_do_less(given):
    demands_us, clients, cores, think_us = given
    here, _ = closed_network(demands_us, clients, cores, think_us)
    more_clients, _ = closed_network(demands_us, clients + 1, cores, think_us)
    more_cores, _ = closed_network(demands_us, clients, cores + 1, think_us)
    slower, _ = closed_network(demands_us * 1.5, clients, cores, think_us)
    assert (more_clients >= here * (1 - 1e-9)).all()
    assert (more_cores >= here * (1 - 1e-9)).all()
    assert (slower <= here * (1 + 1e-9)).all()


@given(rows)
def test_rows_are_independent(given):
    demands_us, clients, cores, think_us = given
    throughput_hz, residence_us = closed_network(demands_us, clients, cores, think_us)
    for i in range(len(clients)):
        alone_hz, alone_us = closed_network(
            demands_us[i : i + 1], clients[i : i + 1], cores[i : i + 1], think_us[i : i + 1]
        )
        assert alone_hz[0] == pytest.approx(throughput_hz[i], rel=1e-12)
        assert alone_us[0] == pytest.approx(residence_us[i], rel=1e-12)


@given(rows, st.floats(1e-3, 1e3))
def test_time_has_no_scale_of_its_own(given, factor):
    demands_us, clients, cores, think_us = given
    here_hz, here_us = closed_network(demands_us, clients, cores, think_us)
    scaled_hz, scaled_us = closed_network(demands_us * factor, clients, cores, think_us * factor)
    assert scaled_hz * factor == pytest.approx(here_hz, rel=1e-9)
    assert scaled_us == pytest.approx(here_us * factor, rel=1e-9)


def test_no_rows():
    throughput_hz, residence_us = closed_network(np.empty((0, 4)), np.empty(0), np.empty(0))
    assert throughput_hz.shape == (0,)
    assert residence_us.shape == (0, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, -1, 0, 0]], 1, 1), "demands_us must be finite and not negative"),
        (([[1, np.nan, 0, 0]], 1, 1), "demands_us must be finite and not negative"),
        (([[1, 1, 1]], 1, 1), "demands_us needs shape"),
        (([1, 1, 1, 1], 1, 1), "demands_us needs shape"),
        (([[1, 0, 0, 0]], 0, 1), "clients must be at least 1"),
        (([[1, 0, 0, 0]], np.inf, 1), "clients must be at least 1"),
        (([[1, 0, 0, 0]], 1.5, 1), "clients must be whole"),
        (([[1, 0, 0, 0]], 1, 0), "cores must be at least 1"),
        (([[1, 0, 0, 0]], 1, np.nan), "cores must be at least 1"),
        (([[1, 0, 0, 0]], 1, 1, -1.0), "think_us must be finite and not negative"),
        (([[0, 0, 0, 0]], 1, 1), "each row needs a positive demand"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        closed_network(*arguments)


def _scalar(demands_us, clients, think_us):
    """Reiser & Lavenberg's recursion for one row of single servers, term by term."""
    queue = [0.0] * len(demands_us)
    for m in range(1, clients + 1):
        residence = [d * (1.0 + q) for d, q in zip(demands_us, queue, strict=True)]
        throughput = m / (sum(residence) + think_us)
        queue = [throughput * r for r in residence]
    return throughput * 1e6, residence


@given(rows)
def test_many_rows_at_once_are_the_recursion_row_by_row(rows):
    demands, clients, _, think = rows
    throughput_hz, residence_us = closed_network(demands, clients, 1.0, think)
    for i, row in enumerate(demands):
        alone_hz, alone_us = _scalar(row.tolist(), int(clients[i]), float(think[i]))
        assert throughput_hz[i] == pytest.approx(alone_hz, rel=1e-12)
        assert residence_us[i] == pytest.approx(alone_us, rel=1e-12)
