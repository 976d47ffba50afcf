"""A host's own constants: what stands in for what, and which files are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from features.constants import Constant, constants, moved, quantities, replaced
from features.errors import InvalidInput
from features.files import MAX_JSON
from features.hostprofile import REPLACEABLE, read_host_profile
from features.prior import evaluate
from features.scenario import Scenario
from tests.hostprofiles import constant, host_profile

CACHED = ("seccomp_ns", "cached")


@pytest.fixture
def written(tmp_path):
    def write(document):
        path = tmp_path / "host.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return write


def test_each_set_takes_its_end_of_the_hosts_range_and_the_published_sets_stay():
    before = {name: constants(name).flat.copy() for name in ("reference", "optimistic")}
    own = {
        CACHED: Constant(40.0, 36.0, 48.0, "here"),
        ("clock_ghz", "value"): Constant(2, 1, 3, ""),
    }
    taken = {
        values.name: [replaced(values, own).value(entry) for entry in own]
        for values in (
            constants(),
            moved({CACHED: 1.0}),
            constants("optimistic"),
            constants("pessimistic"),
        )
    }
    # A low price is the faster one, and a high clock.
    assert taken == {
        "reference": [40.0, 2.0],
        "fitted": [40.0, 2.0],
        "optimistic": [36.0, 3.0],
        "pessimistic": [48.0, 1.0],
    }
    for name, flat in before.items():
        assert np.array_equal(constants(name).flat, flat, equal_nan=True)
    others = np.flatnonzero(~(replaced(constants(), own).flat == before["reference"]))
    assert np.isfinite(before["reference"][others]).sum() == 2


def test_every_constant_that_can_be_a_hosts_is_there():
    for quantity, key in REPLACEABLE:
        assert key in quantities()[quantity].entries


def test_a_dearer_filter_costs_a_container_what_it_says(written):
    profile = read_host_profile(written(host_profile(constant(*CACHED, 40.0, "ns"))))
    scenario = Scenario("container", "cpu.syscall", demands={"op_us": 0.1})
    plain, own = (
        evaluate([scenario], values).retained[0]
        for values in (constants(), replaced(constants(), profile.own))
    )
    added_ns = 100.0 / own - 100.0 / plain
    assert added_ns == pytest.approx(40.0 - constants().value(CACHED))


def test_a_constant_bears_where_the_prior_depends_on_it(written):
    profile = read_host_profile(written(host_profile()))
    asked = [
        Scenario("container", "network.latency"),
        Scenario("container", "cpu.syscall"),
        Scenario("container", "cpu.syscall", mechanisms={"syscall_boundary": "none"}),
        Scenario("vm", "cpu.syscall"),
    ]
    told = [[own.entry for own in bearing] for bearing in profile.bearing(asked)]
    assert told == [[("network_latency_us", "veth")], [CACHED], [], []]
    [latency] = profile.bearing(asked)[0]
    assert latency.said() == "network_latency_us.veth 6 us"
    [filtered] = profile.bearing(asked)[1]
    assert "outside the published 1.7 to 6.7; here 36 to 48" in filtered.said()


def changed(**fields):
    return host_profile(constant(*CACHED, 40.0, "ns") | fields)


def without(field):
    document = host_profile()
    del document["constants"][0][field]
    return document


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[1]", "is no host profile"),
        ('{"format": 1, "demands": {"op_us": 1}}', "is no host profile"),
        (" " * (MAX_JSON + 1), "is too large"),
        (host_profile(format=2), "of another format than 1"),
        (host_profile(tuned=True), "tuned: is no field of a host profile"),
        (changed(kind="ns"), r"constants\[0\].kind: is no field"),
        (without("spread"), r"constants\[0\].spread: field required"),
        (changed(value="40"), r"constants\[0\].value: input should be a valid number"),
        (changed(value=True), r"constants\[0\].value: input should be a valid number"),
        (changed(value=float("nan")), r"constants\[0\].value: input should be a finite number"),
        (changed(value=-1.0), r"constants\[0\].value: must be 0 to 1e\+08 ns, not -1"),
        (changed(high=1e300), r"constants\[0\].high: must be 0 to 1e\+08 ns"),
        (changed(low=41.0), r"constants\[0\].value: 40 is not within low to high"),
        (changed(repeats=0), r"constants\[0\].repeats: "),
        (changed(spread=-1.0), r"constants\[0\].spread: "),
        (changed(unit="us"), r"constants\[0\].unit: must be ns, not 'us'"),
        (changed(key="cahced"), r"did you mean seccomp_ns\.cached"),
        (changed(quantity="cpu_efficiency", key="vm"), "unknown constant of a host"),
        (host_profile(constant("clock_ghz", "value", 0.0, "GHz")), "must be 0.05 to 20 GHz"),
        (
            host_profile(constant(*CACHED, 4.0, "ns"), constant(*CACHED, 5.0, "ns")),
            r"seccomp_ns\.cached is there twice",
        ),
        (host_profile() | {"constants": []}, "constants: is empty"),
    ],
)
def test_what_cannot_be_is_one_line(document, said, written):
    with pytest.raises(InvalidInput, match=said) as caught:
        read_host_profile(written(document))
    assert "\n" not in str(caught.value)
    assert "host.json" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidInput, match="host_profile: .*No such file"):
        read_host_profile(tmp_path / "none.json")
