"""Scenarios drawn over the whole space: every runtime, workload, option and demand."""

from __future__ import annotations

from hypothesis import strategies as st

from features.errors import InvalidInput
from features.scenario import Scenario
from features.vocabulary import RESOURCES, vocabulary

WORDS = vocabulary()
HOST = {"cores": 8.0, "memory_gb": 64.0, "network_gbps": 100.0, "storage_iops": 500_000.0}


@st.composite
def scenarios(draw, runtimes=tuple(WORDS.runtimes), most_options=4):
    """A scenario with up to `most_options` options that its runtime can have together."""
    runtime = draw(st.sampled_from(runtimes))
    allowed = WORDS.runtimes[runtime].allowed
    free = [k for k in allowed if len(allowed[k]) > 1]
    keys = draw(st.lists(st.sampled_from(free), unique=True, max_size=most_options))
    host = {
        "cores": draw(st.floats(1, 256)),
        "memory_gb": draw(st.floats(1, 2048)),
        "network_gbps": draw(st.floats(0.1, 400)),
        "storage_iops": draw(st.floats(100, 2e6)),
    }
    made = Scenario(runtime, draw(st.sampled_from(sorted(WORDS.workloads))), **host)
    for key in keys:
        options = {**made.mechanisms, key: draw(st.sampled_from(allowed[key]))}
        made = with_options(made, options) or made
    return made


def with_options(scenario, options):
    """The scenario with these options, or None where they exclude one another."""
    try:
        return Scenario(**{**scenario.as_dict(), "mechanisms": options})
    except InvalidInput:
        return None


def with_demands(scenario, **demands):
    """The scenario with these demands in place of its workload's."""
    whole = scenario.resolved_demands
    shares = {r: whole[r] for r in RESOURCES} if set(demands) & set(RESOURCES) else {}
    record = scenario.as_dict()
    return Scenario(**{**record, "demands": {**scenario.demands, **shares, **demands}})
