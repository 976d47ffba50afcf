"""A recorded prior is the prior: on every host, for all that a scenario can be beside it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.constants import ConstantSets, constants, draw
from features.integration import ExpectedPrior, expected_priors
from features.parts.terms import Part
from features.recorded import Priors, Recording
from features.scenario import HOST_FIELDS, HOST_RANGES, Scenario
from features.table import scenario_table
from tests.features.space import scenarios, with_demands

SETS = ConstantSets(
    [constants(), draw(np.random.default_rng(0)), constants("pessimistic"), constants("optimistic")]
)
# Every host there can be, each field known or not.
hosts = st.fixed_dictionaries(
    {name: st.none() | st.floats(*HOST_RANGES[name]) for name in HOST_FIELDS}
)
counts = st.dictionaries(
    st.sampled_from(("packets", "io_ops", "calls", "traps", "link_bound", "aes_share")),
    st.floats(0.0, 1.0),
    max_size=3,
)


@given(scenarios(), counts, hosts, hosts)
@settings(max_examples=50, deadline=None)
def test_a_recorded_prior_is_the_plain_one_on_every_host(scenario, demands, first, second):
    asked = replace(with_demands(scenario, **demands), **first)
    recorded = Priors(SETS)
    recorded.of([asked], scenario_table([asked]))
    for host in (first, second, first):
        here = replace(asked, **host)
        table = scenario_table([here])
        plain, found = expected_priors(table, SETS), recorded.of([here], table)
        for f in fields(ExpectedPrior):
            np.testing.assert_allclose(
                getattr(found, f.name), getattr(plain, f.name), rtol=1e-12, atol=1e-14
            )


def test_only_what_the_host_has_a_part_in_is_worked_out_again():
    def reads(workload):
        recording = Recording(scenario_table([Scenario("vm", workload)]), SETS)
        places = {place for _, places, _ in recording.calls for place in places}
        return {name for i, name in enumerate(HOST_FIELDS) if i in places}

    assert reads("cpu.int") == {"cores"}
    assert "storage_iops" in reads("storage.random-read")
    assert "network_gbps" in reads("network.throughput")


def test_recordings_are_bounded(monkeypatch):
    monkeypatch.setattr("features.recorded._KEPT", 2)
    recorded = Priors(SETS)
    for workload in ("web", "web.static", "database.kv", "web", "web"):
        asked = [Scenario("vm", workload)]
        recorded.of(asked, scenario_table(asked))
    assert recorded.kept <= 2


@pytest.mark.parametrize(
    "formula",
    [
        lambda t: float(t.host["cores"]),
        lambda t: np.asarray(t.host["cores"]) * 2.0,
        lambda t: t.cpu_us if t.host["cores"] > 1.0 else t.memory_us,
    ],
)
def test_a_formula_that_cannot_be_recorded_says_so(monkeypatch, formula):
    part = (Part("odd", "cpu", "", ""), formula)
    monkeypatch.setattr("features.recorded.PART_TIMES", (part,))
    with pytest.raises(TypeError):
        Recording(scenario_table([Scenario("vm", "web")]), SETS)
